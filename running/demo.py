"""The whole loop once, played by people in the sandbox over real encrypted callbacks, line by line.

Nothing here reaches into the database to make things happen: people press, write and open pages;
the worker sends. What is printed is what appears on their telephones.
"""

import base64
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw
from sqlalchemy import func, select

from models.catalog import Store
from models.engine import History, Sent
from models.recall import Campaign, CampaignState, Document, DocumentKind, Handover, RecallTask
from models.stock import StockMove
from models.warning import StockWarning
from reports.fonts import ensure_fonts
from rules.warnings import load_rules
from running.build import Running
from running.worker import Worker
from sandbox.bubbles import Bubble
from sandbox.sample_data import SLOW_PRODUCT, bottle_codes, case_codes, write_sample
from sandbox.world import World
from workflows import ledger, papers
from workflows.acting import business_day
from workflows.channel_stock import refresh_channel_stock
from workflows.digest import push_digests
from workflows.history import verify
from workflows.imports.run import run_import
from workflows.scan import scan

FEN = 100
_LINK = re.compile(r"https?://\S+/t/[\w.\-]+")
_CSRF = re.compile(r'(?:data-csrf|name="csrf" value)="([^"]+)"')
KINDS = ("products", "stores", "people", "deliveries", "stock", "codes")
PATIENCE = 20.0  # seconds one step may take before the demo says what is missing
LONGEST_LINE = 110  # characters of a chat line that are printed

Say = Callable[[str], None]


class DemoStuck(Exception):
    """A step of the loop did not happen; the message says which."""


@dataclass
class Demo:
    """The play: a house, its worker, the sandbox, and somewhere to print."""

    running: Running
    worker: Worker
    world: World
    say: Say

    def load(self) -> None:
        """Import the sample distributor through the importers everybody uses."""
        folder = self.running.house.files / "sample"
        now = self.running.clock()
        write_sample(folder, business_day(now))
        for kind in KINDS:
            report = run_import(
                self.running.database,
                kind,
                folder / f"{kind}.csv",
                house=self.running.house,
                now=now,
                actor_name="演示",
            )
            if report.errors:
                raise DemoStuck(f"示例数据 {kind} 有误：{report.errors[0].sentence}")
            self.say(f"  导入 {kind}：{report.accepted} 行")
        with self.running.database.write() as session:
            refresh_channel_stock(session, business_day(now))

    def warn(self) -> None:
        """Scan, and send the morning's digest to the groups."""
        now = self.running.clock()
        fonts = ensure_fonts(self.running.house.files / "fonts")
        with self.running.database.write() as session:
            rules = load_rules()
            result = scan(session, rules, business_day(now), now, house=self.running.house)
            letters = push_digests(session, self.running.house, rules, business_day(now), now, fonts=fonts)
        self.say(f"  预警：新增 {sum(result.fired.values())} 条，摘要 {letters} 份")
        self._settle()

    def play(self) -> None:
        """From the warning to the closed campaign."""
        self._act(f"{REP.name} 在群里点了“发起回收”")
        self._take_up_warning()
        campaign = self._wait(self._campaign, "回收单")
        self._press(REP, "同意")
        if campaign.scope_fen > self.running.house.limits.manager_above_yuan * FEN:
            self._press(MANAGER, "同意")
        task = self._wait(lambda: self._task(campaign.id), "门店任务")
        self._act(f"{OWNER.name} 在企业微信里回复")
        self.world.say(OWNER.platform, OWNER.user, "确认，明天来拉")
        self._settle()
        self._at_the_door()
        self._at_the_warehouse(task)
        self._wait(lambda: self._closed(campaign.id), "结案")
        self._act(f"{REP.name} 在钉钉里问进度")
        self.world.say(REP.platform, REP.user, f"进度 {campaign.number}")
        self._settle()

    def write_papers(self) -> list[Path]:
        """Print every document into the files folder; returns where."""
        folder = self.running.house.files / "documents"
        folder.mkdir(parents=True, exist_ok=True)
        fonts = ensure_fonts(self.running.house.files / "fonts")
        written = []
        with self.running.database.write() as session:
            for task in session.scalars(select(RecallTask)):
                papers.issue(session, self.running.house, DocumentKind.ORDER, task, self.running.clock())
            for document in session.scalars(select(Document).order_by(Document.number)):
                path = folder / f"{document.number}.pdf"
                path.write_bytes(papers.print_paper(session, self.running.house, document, fonts))
                written.append(path)
        return written

    def counts(self) -> dict[str, int]:
        """The figures of the last line; raises DemoStuck when the books do not prove themselves."""
        with self.running.database.read() as session:
            problems = ledger.reconcile(session) + verify(session, self.running.house.secret)
            if problems:
                raise DemoStuck("；".join(problems[:3]))
            tables = {
                "warnings": StockWarning,
                "campaigns": Campaign,
                "tasks": RecallTask,
                "handovers": Handover,
                "documents": Document,
                "moves": StockMove,
                "steps": History,
                "letters": Sent,
            }
            return {
                name: session.scalar(select(func.count()).select_from(table)) or 0 for name, table in tables.items()
            }

    # Acts

    def _take_up_warning(self) -> None:
        with self.running.database.read() as session:
            query = select(StockWarning).join(StockWarning.store).where(Store.code == STORE).order_by(StockWarning.id)
            ids = [w.id for w in session.scalars(query) if w.product_code == SLOW_PRODUCT]
        wanted = {f"warning:{warning}:start_recall" for warning in ids}
        for bubble in reversed(self.world.group("dingtalk", GROUP)):
            for button in bubble.buttons:
                if button["key"].rpartition(":")[0] in wanted:
                    self.world.press(REP.platform, REP.user, bubble.id, button["key"])
                    self._settle()
                    return
        self.world.say(REP.platform, REP.user, f"发起回收 W{ids[0]}")
        self._settle()

    def _at_the_door(self) -> None:
        phone = Telephone(self._link(REP, "door"))
        self._act(f"{REP.name} 到店打开清点页面，扫码")
        cases = case_codes(business_day(self.running.clock()), STORE)
        for code in [*cases[:-1], *bottle_codes(cases[-1]), cases[0]]:
            answer = phone.post("scans", {"scans": [{"client_id": secrets.token_hex(16), "text": code}]})
            self.say(f"    [扫码] {code}：{answer['answers'][0]['sentence']}")
        self._act(f"{OWNER.name} 和 {REP.name} 在手机上签字")
        day = (business_day(self.running.clock()) + timedelta(days=3)).isoformat()
        signed = {"giver_png": scribble(1), "taker_png": scribble(7), "giver_name": OWNER.name, "day": day}
        self.say(f"    [页面] {phone.post('sign', signed)['sentence']}")
        self._settle()

    def _at_the_warehouse(self, task: RecallTask) -> None:
        phone = Telephone(self._link(KEEPER, "warehouse"))
        self._act(f"{KEEPER.name} 在仓库打开页面")
        hand = self._wait(lambda: self._handover(task.id), "交接单")
        counts = {f"bottles_{line.lot_id}": line.counted + line.extra for line in hand.lines}
        grades = {f"A_{line.lot_id}": line.counted for line in hand.lines}
        for verb, data in (("arrive", {}), ("receive", counts), ("inspect", grades)):
            signature = {} if verb == "arrive" else {"signature_png": scribble(13)}
            self.say(f"    [页面] {phone.post(verb, {**data, **signature})['sentence']}")
            self._settle()

    def _press(self, who: "Who", label: str) -> None:
        def found() -> tuple[int, str] | None:
            for bubble in reversed(self.world.chat(who.platform, who.user)):
                for button in bubble.buttons:
                    if button["label"] == label:
                        return bubble.id, button["key"]
            return None

        bubble, key = self._wait(found, f"{who.name} 的按钮“{label}”")
        self._act(f"{who.name} 点了“{label}”")
        self.world.press(who.platform, who.user, bubble, key)
        self._settle()

    def _link(self, who: "Who", what: str) -> str:
        """The newest page link in somebody's chat; every card carries its own."""

        def found() -> str | None:
            for bubble in reversed(self.world.chat(who.platform, who.user)):
                if link := _LINK.search(f"{bubble.link} {bubble.body}"):
                    return link[0]
            return None

        return str(self._wait(found, f"{who.name} 的 {what} 页面链接"))

    def _settle(self) -> None:
        """Let the worker bring everything out before the next act."""
        while self.worker.deliver():
            pass

    def _wait(self, look: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self._settle()
            if found := look():
                return found
            time.sleep(0.1)
        raise DemoStuck(f"没有等到{what}")

    def _act(self, words: str) -> None:
        self.say(f"  —— {words}")

    # Looking

    def _campaign(self) -> Campaign | None:
        with self.running.database.read() as session:
            return session.scalars(select(Campaign).order_by(Campaign.id.desc())).first()

    def _task(self, campaign_id: int) -> RecallTask | None:
        with self.running.database.read() as session:
            return session.scalars(select(RecallTask).where(RecallTask.campaign_id == campaign_id)).first()

    def _handover(self, task_id: int) -> Handover | None:
        with self.running.database.read() as session:
            return session.scalars(select(Handover).where(Handover.task_id == task_id)).first()

    def _closed(self, campaign_id: int) -> bool:
        with self.running.database.read() as session:
            campaign = session.get(Campaign, campaign_id)
            return campaign is not None and campaign.state is CampaignState.CLOSED


@dataclass(frozen=True)
class Who:
    """Somebody of the sample distributor, on the platform they use."""

    name: str
    platform: str
    user: str


STORE = "S001"
GROUP = "临江区业务群"
OWNER = Who("陈福顺", "wecom", "chenfushun")
REP = Who("王芳", "dingtalk", "ding-wangfang")
MANAGER = Who("孙立群", "dingtalk", "ding-sunliqun")
KEEPER = Who("吴秋平", "dingtalk", "ding-wuqiuping")


class Telephone:
    """A browser on somebody's telephone, with the cookies of one page."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._web = requests.Session()
        page = self._web.get(url, timeout=10)
        page.raise_for_status()
        found = _CSRF.search(page.text)
        if found is None:
            raise DemoStuck("页面上没有表单")
        self._csrf = found[1]

    def post(self, verb: str, data: dict[str, Any]) -> dict[str, Any]:
        """Do one thing on the page; raises DemoStuck with the page's own words when it is refused."""
        headers = {"X-CSRF-Token": self._csrf, "Accept": "application/json"}
        response = self._web.post(f"{self._url}/{verb}", json=data, headers=headers, timeout=10)
        answer: dict[str, Any] = response.json()
        if not answer.get("ok"):
            raise DemoStuck(answer.get("sentence", f"页面回答 {response.status_code}"))
        return answer


def scribble(seed: int) -> str:
    """A made-up handwriting, as a signature pad would send it."""
    picture = Image.new("RGBA", (400, 180))
    points = [(20 + 18 * n, 90 + (seed * 37 * n) % 60 - 30) for n in range(20)]
    ImageDraw.Draw(picture).line(points, fill="#10203a", width=4)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def chat_line(bubble: Bubble, names: Mapping[str, str]) -> str:
    """One line of a chat: where, who, what. `names` gives each user id its person."""
    platform = {"wecom": "企业微信", "dingtalk": "钉钉"}[bubble.platform]
    place = f"{platform}群 {bubble.place}" if bubble.in_group else f"{platform} {names.get(bubble.place, bubble.place)}"
    who = "机器人" if bubble.sender == "bot" else bubble.sender
    words = " ".join(f"{bubble.title} {bubble.body}".split())
    if not words:
        words = {"image": "（图片）", "file": "（文件）"}.get(bubble.kind, f"（{bubble.kind}）")
    short = words if len(words) <= LONGEST_LINE else words[: LONGEST_LINE - 1] + "…"
    buttons = "".join(f"［{button['label']}］" for button in bubble.buttons)
    return f"    [{place}] {who}：{short}{buttons}{'（' + bubble.status + '）' if bubble.status else ''}"
