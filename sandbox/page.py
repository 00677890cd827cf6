"""The page with the phones: it polls the state, acts for people and turns fault switches."""

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, send_file

from sandbox.bubbles import Bubble
from sandbox.callbacks import Delivery
from sandbox.dingtalk_faces import card_face
from sandbox.people import CannotAct
from sandbox.world import World

Fields = dict[str, Any]

POLICY = "default-src 'self'; img-src 'self' data: http: https:; style-src 'self'"


def create_page(world: World) -> Blueprint:
    """Build the page's routes."""
    page = Blueprint("page", __name__)
    epoch = secrets.token_hex(4)

    @page.get("/")
    def show() -> Response:
        response = Response(render_template("sandbox.html"))
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @page.get("/state")
    def state() -> Response:
        same = request.args.get("epoch") == epoch
        since = request.args.get("since", 0, type=int) if same else 0
        noted = request.args.get("noted", 0, type=int) if same else 0
        return jsonify({"epoch": epoch, **_state(world, since, noted)})

    @page.post("/act")
    def act() -> tuple[Response, int]:
        fields = request.get_json(silent=True)
        return _perform(world, fields if isinstance(fields, dict) else {})

    @page.post("/faults")
    def faults() -> tuple[Response, int]:
        fields = request.get_json(silent=True)
        if not isinstance(fields, dict) or not _turn(world, fields):
            return _told("没有这个开关，或者数值不对。", 400)
        return _told("", 200)

    @page.get("/media/<media_id>")
    def media(media_id: str) -> Response:
        return _media(world, media_id)

    return page


def _perform(world: World, fields: Fields) -> tuple[Response, int]:
    act = ACTS.get(str(fields.get("act")))
    if act is None:
        return _told("沙盒不认识这个动作。", 400)
    try:
        delivery = act(world, fields)
    except CannotAct as error:
        return _told(str(error), 400)
    except (KeyError, ValueError, TypeError, AttributeError):
        return _told("动作的内容不完整。", 400)
    return _told(delivery.problem, 200)


def _media(world: World, media_id: str) -> Response:
    with world.lock:
        found = world.library.get(media_id)
    if found is None:
        abort(404)
    shown = found.kind == "image"
    response = send_file(BytesIO(found.content), download_name=found.name, as_attachment=not shown)
    # What a person uploaded must never run as a page of this address.
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox"
    return response


def _told(problem: str, status: int) -> tuple[Response, int]:
    return jsonify({"ok": not problem, "message": problem}), status


def _state(world: World, since: int, noted: int) -> Fields:
    with world.lock:
        bubbles = [_bubble(world, bubble) for bubble in world.chats.changed_since(since)]
        notes = [note for note in world.notes if note.id > noted]
        version, menu = world.chats.version, list(world.wecom_state.menu)
    return {
        "version": version,
        "bubbles": bubbles,
        "people": [asdict(persona) for persona in world.personas()],
        "groups": [
            {
                "name": group.name,
                "platform": group.platform,
                "listens": bool(group.conversation_id),
            }
            for group in world.groups()
        ],
        "menu": menu,
        "faults": [
            {"name": name, "label": item.label, "next": item.next, "chance": item.chance}
            for name, item in world.faults.switches.items()
        ],
        "notes": [{"id": str(note.id), "at": note.at.isoformat(), "text": note.text} for note in notes],
        "holding": world.courier.holding,
    }


def _bubble(world: World, bubble: Bubble) -> Fields:
    fields = {**asdict(bubble), "at": bubble.at.isoformat(), "personal": {}}
    card = world.dingtalk_state.by_bubble.get(bubble.id) if bubble.in_group else None
    if card is not None:
        viewers = {*card.private, *card.painted}
        fields["personal"] = {viewer: asdict(card_face(card.template_id, card.seen_by(viewer))) for viewer in viewers}
    return fields


def _image(fields: Fields) -> bytes:
    try:
        return base64.b64decode(fields["content"], validate=True)
    except binascii.Error as error:
        raise CannotAct("图片没有读出来，请重新选一张。") from error


def _press(world: World, fields: Fields) -> Delivery:
    choices = {str(key): [str(item) for item in ids] for key, ids in fields["choices"].items()}
    bubble_id, key = int(fields["bubble"]), str(fields["key"])
    return world.press(fields["platform"], fields["user"], bubble_id, key, choices)


ACTS: dict[str, Callable[[World, Fields], Delivery]] = {
    "say": lambda world, it: world.say(it["platform"], it["user"], str(it["text"])),
    "press": _press,
    "scan": lambda world, it: world.scan(it["user"], str(it["text"])),
    "menu": lambda world, it: world.menu_click(it["user"], str(it["key"])),
    "enter": lambda world, it: world.enter(it["user"]),
    "subscribe": lambda world, it: world.subscribe(it["user"]),
    "image": lambda world, it: world.send_image(it["user"], _image(it), str(it["name"]), it["platform"]),
    "location": lambda world, it: world.send_location(it["user"], float(it["lat"]), float(it["lon"]), str(it["label"])),
    "group_say": lambda world, it: world.say_in_group(it["platform"], it["group"], it["user"], str(it["text"])),
}


def _turn(world: World, fields: Fields) -> bool:
    if fields.get("calm"):
        world.faults.calm()
        return True
    if fields.get("release"):
        world.courier.release()
        return True
    switch = world.faults.switches.get(str(fields.get("name")))
    try:
        number, chance = int(fields.get("next", 0)), float(fields.get("chance", 0))
    except (TypeError, ValueError):
        return False
    if switch is None or not 0 <= number <= 1000 or not 0 <= chance <= 1:
        return False
    switch.next, switch.chance = number, chance
    return True
