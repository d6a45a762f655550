"""Unique values that subjects keep for ever. Never invents one."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from syncd.core.model import SubjectId
from syncd.store import tables
from syncd.store.rows import Allocation

_T: Final = tables.allocations
_ALL: Final = (
    select(_T).where(_T.c.target == bindparam("of_target"), _T.c.field == bindparam("of_field")).order_by(_T.c.value)
)
_OF: Final = _ALL.where(_T.c.subject == bindparam("one"))
_HOLDER: Final = _ALL.where(_T.c.value == bindparam("of_value"))
_GIVE: Final = insert(_T)
_RELEASE: Final = delete(_T).where(
    _T.c.target == bindparam("of_target"), _T.c.field == bindparam("of_field"), _T.c.subject == bindparam("one")
)


class Allocations:
    """Sticky unique values, by target and field. Values are compared as they are: normalise them first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, target: str, field: str, value: str, *, subject: SubjectId) -> bool:
        """Give `value` to `subject`; True if it is the subject's now. False: taken, or the subject has another."""
        kept, holder = self.of(target, field, subject), self.holder(target, field, value)
        if kept is None and holder is None:
            self._connection.execute(_GIVE, {"target": target, "field": field, "value": value, "subject": subject})
            return True
        return kept == value

    def of(self, target: str, field: str, subject: SubjectId) -> str | None:
        """Return the subject's value."""
        row = self._connection.execute(_OF, {"of_target": target, "of_field": field, "one": subject}).first()
        return None if row is None else row.value

    def holder(self, target: str, field: str, value: str) -> SubjectId | None:
        """Return who holds a value."""
        row = self._connection.execute(_HOLDER, {"of_target": target, "of_field": field, "of_value": value}).first()
        return None if row is None else SubjectId(row.subject)

    def release(self, target: str, field: str, subject: SubjectId) -> None:
        """Give a value back."""
        self._connection.execute(_RELEASE, {"of_target": target, "of_field": field, "one": subject})

    def all(self, target: str, field: str) -> list[Allocation]:
        """Return all, by value."""
        rows = self._connection.execute(_ALL, {"of_target": target, "of_field": field})
        return [
            Allocation(target=row.target, field=row.field, value=row.value, subject=SubjectId(row.subject))
            for row in rows
        ]
