"""Unique values that subjects keep for ever. Never invents one."""

from __future__ import annotations

from sqlalchemy import Connection

from syncd.core.model import SubjectId
from syncd.store.rows import Allocation


class Allocations:
    """Sticky unique values, by target and field."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, target: str, field: str, value: str, *, subject: SubjectId) -> bool:
        """Give `value` to `subject`; True if it is the subject's now. False: taken, or the subject has another."""
        raise NotImplementedError

    def of(self, target: str, field: str, subject: SubjectId) -> str | None:
        """Return the subject's value."""
        raise NotImplementedError

    def holder(self, target: str, field: str, value: str) -> SubjectId | None:
        """Return who holds a value."""
        raise NotImplementedError

    def release(self, target: str, field: str, subject: SubjectId) -> None:
        """Give a value back."""
        raise NotImplementedError

    def all(self, target: str, field: str) -> list[Allocation]:
        """Return all."""
        raise NotImplementedError
