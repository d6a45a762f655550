"""Runs of the engine and reads of its sources. Never what was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from syncd.core.model import RunId, SourceName
from syncd.store.rows import ReadRow, RunRow


class Runs:
    """Runs, by id and by time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, run_id: RunId, *, kind: str, at: datetime, config_digest: bytes) -> None:
        """Note that a run begins."""
        raise NotImplementedError

    def finish(self, run_id: RunId, *, at: datetime, result: str, counts: Mapping[str, int], note: str = "") -> None:
        """Note how a run ended."""
        raise NotImplementedError

    def last(self, number: int = 1) -> list[RunRow]:
        """Return the latest runs, newest first."""
        raise NotImplementedError

    def get(self, run_id: RunId) -> RunRow | None:
        """Return one run."""
        raise NotImplementedError


class Reads:
    """Reads, by source and by time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, row: ReadRow) -> None:
        """Note a finished read."""
        raise NotImplementedError

    def last(self, source: SourceName) -> ReadRow | None:
        """Return the latest read of a source."""
        raise NotImplementedError

    def last_good(self, source: SourceName) -> ReadRow | None:
        """Return the latest read that was full and proven."""
        raise NotImplementedError
