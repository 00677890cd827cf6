"""The store's own report: how much is left of what it is asked about. Plain forms, for readers without cards."""

from typing import Any
from urllib.parse import urlencode

from flask import abort, render_template, request, url_for

from models.observing import CountLine, CountRequest
from rules.counts import looks_mixed_up
from web.visits import Purpose, Visit, number_in, sent
from workflows.acting import business_day
from workflows.count_requests import OPEN
from workflows.count_steps import waiting_lines
from workflows.freshness import age_words
from workflows.refusals import InvalidInput

MOST_BOTTLES = 100_000


def show(visit: Visit) -> str:
    """The open lines with their last numbers filled in, or what was answered; opening it changes nothing."""
    asked = _request(visit)
    waiting = waiting_lines(asked)
    return render_template(
        "report.html",
        visit=visit,
        asked=asked,
        lines=[_shown(visit, line) for line in waiting],
        done=[line for line in asked.lines if line.answered is not None],
        may=visit.may(asked),
        is_open=asked.state in OPEN,
        doubtful="doubt" in request.args,
        unchanged=bool(waiting) and all(line.shown is not None for line in waiting),
    )


def confirm(visit: Visit) -> str:
    """对：nothing changed."""
    visit.fire(_request(visit), "confirm")
    return "已登记，谢谢。"


def correct(visit: Visit) -> str:
    """The numbers as filled in; what looks like cases taken for bottles is asked about first."""
    asked = _request(visit)
    said = {line.product_id: _bottles(line) for line in waiting_lines(asked) if _filled(line)}
    if not said:
        raise InvalidInput("请至少填一种酒的数量；没有了填 0。")
    odd = [line for line in waiting_lines(asked) if line.product_id in said and _is_odd(line, said[line.product_id])]
    if odd and sent().get("sure") != "yes":
        visit.answer["next"] = _again(visit, said)
        return f"{odd[0].product.name}：是不是箱和瓶弄混了？核对一下，没弄混就勾上“数字没错”再提交。"
    visit.fire(asked, "correct", {"bottles": said})
    return "已登记，谢谢。"


def _request(visit: Visit) -> CountRequest:
    return visit.session.get(CountRequest, visit.link.subject_id) or abort(404)


def _shown(visit: Visit, line: CountLine) -> dict[str, Any]:
    """A line as the form shows it: what was typed before it was asked back, else the last number."""
    typed = request.args.get(f"p{line.product_id}", "")
    bottles = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 7 else line.shown
    cases, loose = (None, None) if bottles is None else divmod(bottles, max(1, line.product.case_size))
    if line.product.case_size <= 1:
        cases, loose = None, bottles
    age = age_words(visit.house, line.known_on, line.known_by, business_day(visit.now))
    return {"line": line, "product": line.product, "cases": cases, "loose": loose, "age": age}


def _filled(line: CountLine) -> bool:
    return any(str(sent().get(f"{part}_{line.product_id}") or "").strip() for part in ("cases", "bottles"))


def _bottles(line: CountLine) -> int:
    cases = number_in(f"cases_{line.product_id}", default=0)
    bottles = cases * line.product.case_size + number_in(f"bottles_{line.product_id}", default=0)
    if bottles > MOST_BOTTLES:
        raise InvalidInput(f"{line.product.name} 的数量太大了，请核对箱和瓶。")
    return bottles


def _is_odd(line: CountLine, bottles: int) -> bool:
    return line.shown is not None and looks_mixed_up(bottles, line.shown, line.product.case_size)


def _again(visit: Visit, said: dict[int, int]) -> str:
    typed = urlencode({"doubt": 1, **{f"p{product}": bottles for product, bottles in said.items()}})
    return f"{url_for('pages.show', token=visit.token)}?{typed}"


PURPOSE = Purpose(show, {"confirm": confirm, "correct": correct})
