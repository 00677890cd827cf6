"""Everything from outside that a workflow needs, built once in app.py. No network in here."""

from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from rules.deadlines import WorkCalendar
from settings.schema import Api, Connector, DigestSection, EscalationSection, Limits, QuotaSection
from texts.render import Texts


@dataclass(frozen=True)
class Group:
    """A chat group and the regions it hears of; no region means all of them."""

    name: str
    regions: tuple[str, ...] = ()
    wecom_robot: bool = False
    dingtalk_robot: bool = False
    dingtalk_conversation: str = ""

    def hears(self, region: str) -> bool:
        """Whether news of the region belongs into this group."""
        return not self.regions or region in self.regions


@dataclass(frozen=True)
class House:
    """Limits, calendar, texts, addresses and groups. `secret` signs links; `files` is a folder for output."""

    limits: Limits
    calendar: WorkCalendar
    texts: Texts
    public_url: str
    secret: str
    files: Path
    groups: tuple[Group, ...] = ()
    distributor: str = ""
    api: Api = field(default_factory=Api)
    connectors: tuple[Connector, ...] = ()
    push_at: time = time(8, 37)
    digest: DigestSection = field(default_factory=DigestSection)
    escalation: EscalationSection = field(default_factory=EscalationSection)
    quotas: QuotaSection = field(default_factory=QuotaSection)
