"""The store's page of one task: what is asked, the answers as plain forms, and what happens next."""

from flask import abort, render_template

from models.people import Role
from models.recall import RecallTask
from texts.render import goods
from web.goods_lines import GoodsLine, amounts, line_of
from web.visits import Purpose, Visit, day_in, number_in, words_in
from workflows.acting import business_day, people_with
from workflows.refusals import InvalidInput
from workflows.vector import at_store


def show(visit: Visit) -> str:
    """The page as the task stands now."""
    task = task_of(visit)
    today = business_day(visit.now)
    reps = people_with(
        visit.session,
        Role.SALES_REP,
        today,
        region=task.store.region,
        store_id=task.store_id,
    )
    return render_template(
        "task.html",
        visit=visit,
        task=task,
        lines=open_lines(task),
        asked=sum(line.scoped for line in task.lines),
        open_bottles=sum(at_store(line) for line in task.lines),
        may=visit.may(task),
        rep=reps[0].name if reps else "业务员",
        today=today,
    )


def task_of(visit: Visit) -> RecallTask:
    """The task behind the link; 404 when there is none."""
    task = visit.session.get(RecallTask, visit.link.subject_id)
    if task is None:
        abort(404)
    return task


def open_lines(task: RecallTask) -> list[GoodsLine]:
    """What the store still has to give or to explain, lot by lot."""
    lines = [line_of(line.lot, at_store(line)) for line in task.lines]
    return [line for line in lines if line.bottles]


def _said(task: RecallTask, bottles: int) -> str:
    product = task.campaign.product
    return f"{product.name} {goods(bottles, product.case_size)}"


def answer_all(visit: Visit) -> str:
    """Everything asked for comes back."""
    task = task_of(visit)
    bottles = sum(at_store(line) for line in task.lines)
    visit.fire(task, "answer_all")
    return f"收到：全部退回，{_said(task, bottles)}。"


def answer_part(visit: Visit) -> str:
    """Some of it comes back, lot by lot."""
    task = task_of(visit)
    lots = amounts(open_lines(task))
    if not lots:
        raise InvalidInput("请填要退的数量，例如 2 箱 3 瓶；一瓶都没有就点“已卖完”。")
    visit.fire(task, "answer_part", {"lots": lots})
    return f"收到：部分退回，{_said(task, sum(lots.values()))}。"


def answer_sold_out(visit: Visit) -> str:
    """Nothing is left; the rep will have a look."""
    visit.fire(task_of(visit), "answer_sold_out")
    return "收到：已卖完。业务员会来核实。"


def report_sold(visit: Visit) -> str:
    """Some bottles were sold meanwhile."""
    task = task_of(visit)
    bottles = number_in("bottles")
    if not bottles:
        raise InvalidInput("请填已经卖掉的瓶数，例如 3。")
    visit.fire(task, "report_sold", {"bottles": bottles})
    return f"收到：又卖了 {bottles} 瓶，已从要退的数量里减去。"


def problem(visit: Visit) -> str:
    """The store needs help."""
    note = _needed("note", "请写一句是什么问题，例如：有 2 瓶瓶盖破了。")
    visit.fire(task_of(visit), "problem", {"note": note})
    return "收到：业务员会尽快联系你。"


def refuse(visit: Visit) -> str:
    """The store does not want to give the goods."""
    reason = _needed("reason", "请写不退的原因，例如：已经答应给老客户留着。")
    visit.fire(task_of(visit), "refuse", {"reason": reason})
    return "收到：已转给经理处理。"


def reschedule(visit: Visit) -> str:
    """Another day suits better."""
    day = day_in("day", business_day(visit.now))
    visit.fire(task_of(visit), "reschedule", {"day": day})
    return f"收到：改到 {visit.house.texts.day(day)}。"


def report_transfer(visit: Visit) -> str:
    """Some bottles had gone to another store before."""
    bottles = _some_bottles()
    visit.fire(task_of(visit), "report_transfer", {"bottles": bottles})
    return f"已登记转出 {bottles} 瓶。"


def destroy_on_site(visit: Visit) -> str:
    """Some bottles are destroyed in the store, before a witness."""
    bottles = _some_bottles()
    witness = _needed("witness", "就地销毁要写见证人，例如：王芳。")
    reason = _needed("reason", "请写销毁的原因和方式，例如：渗漏，当场倒掉并砸瓶。")
    data = {"bottles": bottles, "witness": witness, "reason": reason}
    visit.fire(task_of(visit), "destroy_on_site", data)
    return f"已登记就地销毁 {bottles} 瓶。"


def waive(visit: Visit) -> str:
    """The distributor lets the rest go, with a reason."""
    reason = _needed("reason", "请写放弃的原因，原因会留档。")
    visit.fire(task_of(visit), "waive", {"reason": reason})
    return "已放弃剩余数量，原因已留档。"


def confirm_sold_out(visit: Visit) -> str:
    """The rep has seen that nothing is left."""
    visit.fire(task_of(visit), "confirm_sold_out")
    return "已确认卖完。"


def doubt_sold_out(visit: Visit) -> str:
    """The rep saw goods on the shelf."""
    visit.fire(task_of(visit), "doubt_sold_out")
    return "已请门店重新答复。"


def insist(visit: Visit) -> str:
    """The distributor still wants the goods."""
    visit.fire(task_of(visit), "insist")
    return "已再次请门店配合。"


def solved(visit: Visit) -> str:
    """The rep has dealt with the problem; the store is asked again."""
    visit.fire(task_of(visit), "solved")
    return "已处理，并请门店重新答复。"


def _some_bottles() -> int:
    bottles = number_in("bottles")
    if not bottles:
        raise InvalidInput("请填瓶数，例如 3。")
    return bottles


def _needed(name: str, sentence: str) -> str:
    text = words_in(name)
    if not text:
        raise InvalidInput(sentence)
    return text


PURPOSE = Purpose(
    show,
    {
        verb.__name__: verb
        for verb in (
            answer_all,
            answer_part,
            answer_sold_out,
            report_sold,
            report_transfer,
            destroy_on_site,
            problem,
            refuse,
            reschedule,
            waive,
            confirm_sold_out,
            doubt_sold_out,
            insist,
            solved,
        )
    },
)
