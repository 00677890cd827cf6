"""The link that opens the desk: a tap signs this device in for twelve hours."""

from flask import render_template

from web.visits import Purpose, Visit


def show(visit: Visit) -> str:
    """Who is about to enter, with one button."""
    return render_template("desk_entry.html", visit=visit)


def enter(visit: Visit) -> str:
    """Nothing to change: pages.act sets the session cookie after a claimed link."""
    visit.answer["next"] = "/desk/"
    return "已进入看板。"


PURPOSE = Purpose(show, {"enter": enter})
