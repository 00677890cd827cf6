"""A connector on trial: everything is read and checked, nothing is written, moved or remembered."""

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from models.api import PullState
from models.database import Database
from settings.schema import Connector
from workflows.connector_folder import FolderLost, waiting
from workflows.connector_sql import PullFailed, pull
from workflows.connectors import Run, Trip
from workflows.house import House


def try_connector(database: Database, house: House, connector: Connector, now: datetime) -> Run:
    """What a run would do now."""
    trip = Trip(database, house, connector, now, Run(connector.name), preview=True)
    try:
        (_try_folder if connector.folder else _try_view)(trip)
    except (FolderLost, PullFailed) as lost:
        trip.run.troubles.append(str(lost))
    return trip.run


def _try_folder(trip: Trip) -> None:
    found = waiting(trip.connector.folder, trip.now, trip.connector.quiet_seconds)
    trip.run.waiting = found.unfinished
    for path in found.ready:
        trip.run.add(path.name, trip.load(path))


def _try_view(trip: Trip) -> None:
    with tempfile.TemporaryDirectory() as folder:
        aside = replace(trip.house, files=Path(folder))
        pulled = pull(trip.connector, _mark(trip), Path(folder) / f"{trip.connector.name}.csv")
        trip.run.add(trip.connector.view, replace(trip, house=aside).load(pulled.path))


def _mark(trip: Trip) -> str:
    with trip.database.read() as session:
        state = session.get(PullState, trip.connector.name)
        return state.watermark if state else ""
