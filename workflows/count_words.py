"""How the lines of a question are put into words."""

from models.observing import CountLine
from workflows.acting import business_day
from workflows.flow import Step
from workflows.freshness import age_words


def line_words(step: Step, line: CountLine) -> dict[str, object]:
    """What the texts say of a line: product, last number, its age, case size."""
    age = age_words(step.house, line.known_on, line.known_by, business_day(step.now))
    return {"product": line.product.name, "shown": line.shown, "case_size": line.product.case_size, "age": age}


def report_words(step: Step, line: CountLine) -> dict[str, object]:
    """The same with what was answered and by whom."""
    return {**line_words(step, line), "bottles": line.answered, "who": line.answered_by}
