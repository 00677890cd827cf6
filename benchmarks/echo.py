"""The floor: what a plain developer writes with Flask and wechatpy - open, parse, echo, seal. No database."""

import time
from pathlib import Path

from flask import Flask, request
from wechatpy.enterprise import create_reply, parse_message
from wechatpy.enterprise.crypto import WeChatCrypto

from benchmarks.calls import Account, Caller, conversation
from benchmarks.contest import Prepared


def echo_app(account: Account) -> Flask:
    """An application with one route that says back what it hears."""
    app = Flask(__name__)
    crypto = WeChatCrypto(account.token, account.aes_key, account.corp_id)

    @app.post("/wecom/callback")
    def callback() -> str:
        args = request.args
        xml = crypto.decrypt_message(request.data, args["msg_signature"], args["timestamp"], args["nonce"])
        message = parse_message(xml)
        reply = create_reply(message.content, message).render()
        sealed: str = crypto.encrypt_message(reply, args["nonce"], args["timestamp"])
        return sealed

    return app


def echo(_url: str, _folder: Path, _total: int) -> Prepared:
    """The floor as a contestant."""
    account = Account()
    return conversation(echo_app(account), Caller(account, int(time.time())), "进度", 200)
