"""A flow table as Markdown and as Mermaid: what README shows is printed by this."""

from workflows.flow import Flow, Row


def as_markdown(flow: Flow) -> str:
    """One line for each row: state, what happens, who, when, where to, what follows."""
    head = ["| in | what happens | by | if | to | then |", "|---|---|---|---|---|---|"]
    return "\n".join([f"### {flow.name}", "", *head, *(_line(row) for row in flow.rows), ""])


def as_mermaid(flow: Flow) -> str:
    """The states and the arrows between them; rows that stay are left out."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {flow.start}"]
    seen = set()
    for row in flow.rows:
        arrow = (row.state, row.to, _happens(row))
        if row.to is not None and arrow not in seen:
            seen.add(arrow)
            lines.append(f"    {row.state} --> {row.to}: {_happens(row).replace(':', ' ')}")
    lines += [f"    {state} --> [*]" for state in flow.states() if state in flow.ends]
    return "\n".join([*lines, "```"])


def _line(row: Row) -> str:
    cells = [
        str(row.state),
        _happens(row),
        row.by.__name__ if row.by else "",
        row.when.__name__ if row.when and row.event else "",
        str(row.to) if row.to else "stays",
        ", ".join(action.__name__ for action in row.do),
    ]
    return "| " + " | ".join(cell.replace("_", " ") for cell in cells) + " |"


def _happens(row: Row) -> str:
    if row.event:
        return row.event
    if row.wait:
        return f"after {row.wait.text}"
    return f"as soon as {row.when.__name__ if row.when else ''}"
