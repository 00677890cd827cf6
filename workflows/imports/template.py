"""Empty files to fill in, made from the same columns the importer reads."""

import csv
from pathlib import Path

from reports import workbooks
from workflows.imports.kinds import KINDS


def write_template(kind: str, path: Path) -> None:
    """Write an empty CSV or Excel file, by the path's suffix. Raises KeyError for an unknown kind."""
    what = KINDS[kind]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            csv.writer(stream).writerow([spec.title for spec in what.columns])
        return
    columns = [workbooks.Column(spec.title, spec.explanation, spec.example, spec.required) for spec in what.columns]
    workbooks.write_template(path, what.title, columns)
