"""Which of their columns is which of ours, when `config.yaml` says it instead of leaving it to the headers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from settings.schema import Connector
from workflows.imports.columns import ColumnSpec, normal
from workflows.imports.kinds import KINDS, Kind


@dataclass(frozen=True)
class NamedColumn(ColumnSpec):
    """A column known by one header only: the one the business wrote down, which is its title here."""

    def matches(self, header: str) -> bool:
        """Whether a header cell (already normalised) is that header."""
        return header == normal(self.title)


def kind_for(connector: Connector) -> Kind:
    """The kind of import a connector feeds, its columns called as they are called over there."""
    kind = KINDS[connector.kind]
    if not connector.columns:
        return kind
    return replace(kind, columns=tuple(_named(kind, connector.columns)))


def problems_of(connector: Connector) -> list[tuple[str, str]]:
    """What is wrong with kind and columns: the key and why. Empty when nothing is."""
    if connector.kind not in KINDS:
        return [("kind", f"must be one of {', '.join(KINDS)}")]
    ours = {spec.name for spec in KINDS[connector.kind].columns}
    wrong = [
        (f"columns.{name}", f"is no column of {connector.kind}; there are {', '.join(sorted(ours))}")
        for name in connector.columns
        if name not in ours
    ]
    theirs = [normal(header) for header in connector.columns.values()]
    if len(set(theirs)) < len(theirs) or not all(theirs):
        wrong.append(("columns", "each of their columns may be named once, and none may be empty"))
    missing = [
        spec.name
        for spec in KINDS[connector.kind].columns
        if spec.required and connector.columns and spec.name not in connector.columns
    ]
    return wrong + [(f"columns.{name}", "is needed") for name in missing]


def _named(kind: Kind, columns: Mapping[str, str]) -> list[ColumnSpec]:
    found: list[ColumnSpec] = []
    for spec in kind.columns:
        if spec.name in columns:
            said = {field.name: getattr(spec, field.name) for field in fields(spec)}
            found.append(NamedColumn(**{**said, "title": columns[spec.name], "aliases": ()}))
    return found
