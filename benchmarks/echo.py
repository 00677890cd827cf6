"""The floor: what a plain developer writes with Flask and wechatpy - open, parse, echo, seal. No database."""

from flask import Flask, request
from wechatpy.enterprise import create_reply, parse_message
from wechatpy.enterprise.crypto import WeChatCrypto


def echo_app(token: str, aes_key: str, corp_id: str) -> Flask:
    """An application with one route that says back what it hears."""
    app = Flask(__name__)
    crypto = WeChatCrypto(token, aes_key, corp_id)

    @app.post("/wecom/callback")
    def callback() -> str:
        args = request.args
        xml = crypto.decrypt_message(request.data, args["msg_signature"], args["timestamp"], args["nonce"])
        message = parse_message(xml)
        reply = create_reply(message.content, message).render()
        sealed: str = crypto.encrypt_message(reply, args["nonce"], args["timestamp"])
        return sealed

    return app
