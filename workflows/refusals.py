"""What was not possible, as facts; the words for people are in texts/."""

from typing import Any


class Refusal(Exception):
    """Something a person asked for and cannot have. `text` names the sentence that says why."""

    text = "refused"

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.text, facts)
        self.facts = facts


class NotAllowed(Refusal):
    """The flow has no row for this event in this state."""

    text = "refused_state"


class NotPermitted(Refusal):
    """The flow has a row, but not for this person."""

    text = "refused_person"


class Stale(Refusal):
    """The button was of an older state of the object."""

    text = "refused_stale"


class InvalidInput(Refusal):
    """An amount, date or word that makes no sense here; `sentence` says it in Chinese."""

    text = "refused_input"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence=sentence)
        self.sentence = sentence
