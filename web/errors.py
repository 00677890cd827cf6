"""What people see when something went wrong: a Chinese sentence, never a stack trace or a code alone."""

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from web import api_problems
from web.security import protect

log = structlog.get_logger(__name__)

SENTENCES = {
    400: ("看不懂这个请求", "请返回上一页，检查填写的内容后再试一次。"),
    401: ("请先登录", "请在聊天里回复“看板”，用收到的链接进入。"),
    403: ("不能这样操作", "页面可能已经过期，请返回上一页刷新后再试。"),
    404: ("没有这个页面", "请检查链接或重新扫码；也可以在聊天里回复“我的任务”。"),
    405: ("不能这样打开", "请从聊天里收到的链接重新进入。"),
    413: ("内容太大了", "照片请小于 3 MB，导入的文件小于 20 MB；更大的文件请分成几个，或者用命令行导入。"),
    429: ("操作太快了", "请稍等一分钟再试。"),
    500: ("系统出了点问题", "刚才的操作没有保存，请过一会儿再试；问题已经记录，会有人处理。"),
}


def install(app: Flask) -> None:
    """Answer every error of the app in the same voice."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def wants_json() -> bool:
    """Whether the request came from a script and wants data rather than a page."""
    accepts = request.accept_mimetypes
    return request.is_json or accepts.best_match(["text/html", "application/json"]) == ("application/json")


def sorry(code: int, title: str, sentence: str) -> Response:
    """A friendly page, or the same words as JSON for a script."""
    if wants_json():
        response = jsonify(ok=False, sentence=sentence)
    else:
        response = make_response(render_template("message.html", title=title, sentence=sentence))
    response.status_code = code
    return protect(response)


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    if error.response is not None or code < 400:
        return make_response(error.get_response())
    if api_problems.is_api():
        return api_problems.of_http(error)
    title, sentence = SENTENCES.get(code, SENTENCES[400] if code < 500 else SENTENCES[500])
    return sorry(code, title, sentence)


def _unexpected(error: Exception) -> Response:
    log.error("request_failed", rule=str(request.url_rule), exc_info=error)
    return _http_error(InternalServerError(original_exception=error))
