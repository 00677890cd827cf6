"""Channels `dingtalk:app` and `dingtalk:group:<name>`: cards where there is a template, robot
messages with links where there is none."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog

from bots.dingtalk import cards
from bots.dingtalk.client import DingtalkClient
from bots.parts import Part, Parts
from texts.message import Message
from workflows.letters import Letter, Receipt, SendError

log = structlog.get_logger()

# What says that cards as such do not work here, so that words with links must do.
_NO_CARDS = (
    "param.templateNotExist",
    "param.templateUnpublished",
    "param.cardTemplateIdEmpty",
    "param.callbackRouteKeyEmpty",
    "param.callbackUrlEmpty",
    "AccessTokenPermissionDenied",
)


class _CardSender:
    """What person and group have in common: a card first, then picture and files."""

    def __init__(self, client: DingtalkClient) -> None:
        self._client = client
        self._parts = Parts()

    def send(self, letter: Letter) -> Receipt:
        """Send or repaint. Raises TryLater or Refused."""
        if letter.kind == "update" and self._repainted(letter):
            return Receipt(messages=0)
        return self._parts.run(letter.key, self._all_parts(letter))

    def _space(self, recipient: str) -> str:
        raise NotImplementedError

    def _say(self, recipient: str, said: cards.RobotMessage) -> str:
        raise NotImplementedError

    def _link(self, recipient: str, key: str) -> str:
        raise NotImplementedError

    def _repainted(self, letter: Letter) -> bool:
        if not self._client.settings.card_template_id or not letter.card_ref:
            return False
        try:
            self._client.update_card(letter.card_ref, cards.card_params(letter.message))
        except SendError as error:
            if error.code != "param.cardNotExist" and not _cards_do_not_work(error):
                raise
            log.info("dingtalk_card_superseded", letter=letter.key, code=error.code)
            return False
        return True

    def _all_parts(self, letter: Letter) -> list[Part]:
        message = letter.message
        if _is_a_list(letter):
            parts: list[Part] = [partial(self._words, letter)]
            return parts + self._attached(letter)
        parts = [partial(self._main, letter)]
        if self._client.settings.card_template_id and cards.is_cut(message):
            parts.append(partial(self._words, replace(letter, message=_words_only(message))))
        return parts + self._attached(letter)

    def _attached(self, letter: Letter) -> list[Part]:
        message = letter.message
        parts: list[Part] = [partial(self._picture, letter.recipient, message.image)] if message.image else []
        return parts + [partial(self._file, letter.recipient, path) for path in message.files]

    def _main(self, letter: Letter) -> Receipt:
        # A card that could not be repainted is gone; its id can never carry another.
        if letter.kind == "update" or not self._client.settings.card_template_id:
            return self._words(letter)
        body = cards.card_request(
            letter.message,
            letter.card_ref or letter.key[:100],
            self._space(letter.recipient),
            self._client.settings,
        )
        try:
            return Receipt(self._client.create_and_deliver(body))
        except SendError as error:
            if not _cards_do_not_work(error):
                raise
            log.warning("dingtalk_cards_unavailable", code=error.code)
            return self._words(letter)

    def _words(self, letter: Letter) -> Receipt:
        link_of = partial(self._link, letter.recipient)
        said = cards.robot_message(letter.message, link_of)
        return Receipt(self._say(letter.recipient, said))

    def _picture(self, recipient: str, image: str) -> Receipt:
        if image.startswith(("http://", "https://")):
            return Receipt(self._say(recipient, cards.picture_message(image)))
        media_id = self._client.media_upload(image, "image")
        return Receipt(self._say(recipient, cards.picture_message(media_id)), calls=2)

    def _file(self, recipient: str, path: str) -> Receipt:
        media_id = self._client.media_upload(path, cards.file_kind(path))
        return Receipt(self._say(recipient, cards.file_message(path, media_id)), calls=2)


class DingtalkAppSender(_CardSender):
    """One person's chat with the app's robot; `link_for(user, button key)` stands for a press."""

    def __init__(self, client: DingtalkClient, link_for: Callable[[str, str], str]) -> None:
        super().__init__(client)
        self._link_for = link_for

    def _space(self, recipient: str) -> str:
        return f"IM_ROBOT.{recipient}"

    def _say(self, recipient: str, said: cards.RobotMessage) -> str:
        return self._client.robot_send_to_users([recipient], *said)

    def _link(self, recipient: str, key: str) -> str:
        return self._link_for(recipient, key) if key else ""


class DingtalkGroupSender(_CardSender):
    """A group the app's robot is in; `Letter.recipient` is its openConversationId.

    A page that acts for one person is never put before a whole group: without cards the buttons
    become words to reply.
    """

    def _space(self, recipient: str) -> str:
        return f"IM_GROUP.{recipient}"

    def _say(self, recipient: str, said: cards.RobotMessage) -> str:
        return self._client.robot_send_to_group(recipient, *said)

    def _link(self, recipient: str, key: str) -> str:  # noqa: ARG002 - the port of the base class
        return ""


def _is_a_list(letter: Letter) -> bool:
    """Words too long for a card that nobody presses or repaints: a card before them would only cost a call."""
    message = letter.message
    return not (letter.card_ref or message.buttons or message.link) and cards.is_cut(message)


def _words_only(message: Message) -> Message:
    return replace(message, buttons=[], link="", image="", files=[])


def _cards_do_not_work(error: SendError) -> bool:
    return any(part in error.code for part in _NO_CARDS)
