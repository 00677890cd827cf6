"""Files of the business into the database: CSV and Excel, with an error for every wrong cell."""

from workflows.imports.kinds import KINDS, describe_columns
from workflows.imports.report import ImportReport, RowError
from workflows.imports.run import run_import
from workflows.imports.template import write_template

__all__ = ["KINDS", "ImportReport", "RowError", "describe_columns", "run_import", "write_template"]
