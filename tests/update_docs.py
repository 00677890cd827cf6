"""The parts of the documents that the program itself prints: flow tables and import columns.

`python -m tests.update_docs` writes them again; `tests/test_docs.py` fails where they are old.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from running.flow_pictures import as_markdown, as_mermaid
from workflows.flow import FLOWS
from workflows.flows import ALL
from workflows.imports.kinds import KINDS, describe_columns

ROOT = Path(__file__).parent.parent
FRONT_FLOWS = ("recall_campaign", "recall_task")


def printed() -> dict[tuple[str, str], str]:
    """What stands between the markers, by document and marker name."""
    front = _flows(FRONT_FLOWS)
    return {
        ("README.md", "flows"): front,
        ("README.zh-CN.md", "flows"): front,
        ("docs/flows.md", "flows"): _flows(flow.name for flow in ALL),
        ("docs/imports.md", "columns"): "\n".join(_columns(kind) for kind in KINDS),
    }


def between(text: str, name: str) -> str:
    """The text between `<!-- name:begin -->` and `<!-- name:end -->`. Raises ValueError without them."""
    found = re.search(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", text, re.DOTALL)
    if found is None:
        raise ValueError(f"no markers for {name}")
    return found[1]


def main() -> None:
    """Write every printed part into its document."""
    for (document, name), text in printed().items():
        path = ROOT / document
        old = path.read_text(encoding="utf-8")
        path.write_text(old.replace(_block(name, between(old, name)), _block(name, text)), encoding="utf-8")


def _block(name: str, text: str) -> str:
    return f"<!-- {name}:begin -->\n{text}<!-- {name}:end -->"


def _flows(names: Iterable[str]) -> str:
    wanted = [FLOWS[name] for name in names]
    return "".join(f"{as_markdown(flow)}\n{as_mermaid(flow)}\n\n" for flow in wanted)


def _columns(kind: str) -> str:
    head = [f"### {kind}（{KINDS[kind].title}）", "", "| 列 | 必须有 | 说明 | 例 |", "|---|---|---|---|"]
    lines = [
        f"| {title} | {'是' if required else ''} | {explanation} | {example} |"
        for title, required, explanation, example in describe_columns(kind)
    ]
    return "\n".join([*head, *lines, ""])


if __name__ == "__main__":
    main()
