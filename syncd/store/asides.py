"""What is left as it is, and why. Never decides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from syncd.core.model import Aside, Kind, Reason
from syncd.store import codec, tables
from syncd.store.rows import AsideRow
from syncd.store.statements import Answer, Fields, Many, portions, stream

_T: Final = tables.asides
_CLEAR: Final = delete(_T).where(_T.c.scope == bindparam("within"))
_CLEAR_SOME: Final = Many(delete(_T).where(_T.c.scope == bindparam("within"), _T.c.name == bindparam("called")))
_ADD: Final = Many(insert(_T))
_LAST: Final = select(func.coalesce(func.max(_T.c.number), -1)).where(_T.c.scope == bindparam("within"))
_HOW_MANY: Final = select(func.count()).where(_T.c.scope == bindparam("within"))
_ALL: Final = select(_T).order_by(_T.c.scope, _T.c.reason, _T.c.name, _T.c.number)
_WITHIN: Final = _ALL.where(_T.c.scope == bindparam("within"))
_COUNT: Final = select(_T.c.reason, _T.c.kind, func.count()).group_by(_T.c.reason, _T.c.kind)
_COUNT_WITHIN: Final = _COUNT.where(_T.c.scope == bindparam("within"))


class Asides:
    """What is left aside, by scope."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, scope: str, rows: Iterable[Aside]) -> None:
        """Replace everything of `scope`."""
        self._connection.execute(_CLEAR, {"within": scope})
        self._add(scope, rows, first=0)

    def replace_some(self, scope: str, names: Collection[str], rows: Iterable[Aside]) -> None:
        """Replace what `scope` says of these names; what it says of others stays."""
        for portion in portions(names):
            _CLEAR_SOME.run(self._connection, [{"within": scope, "called": name} for name in portion])
        last: int = self._connection.execute(_LAST, {"within": scope}).scalar_one()
        self._add(scope, rows, first=last + 1)

    def _add(self, scope: str, rows: Iterable[Aside], *, first: int) -> None:
        for portion in portions(_fields(scope, number, aside) for number, aside in enumerate(rows, first)):
            _ADD.run(self._connection, portion)

    def iterate(self, scope: str | None = None) -> Iterator[AsideRow]:
        """Stream, by scope, reason and name."""
        fields = {} if scope is None else {"within": scope}
        return map(_aside, stream(self._connection, _ALL if scope is None else _WITHIN, fields))

    def count(self, scope: str) -> int:
        """Return how many there are in `scope`."""
        number: int = self._connection.execute(_HOW_MANY, {"within": scope}).scalar_one()
        return number

    def counts(self, scope: str | None = None) -> dict[tuple[Reason, Kind], int]:
        """Count by reason and kind."""
        question, fields = (_COUNT, {}) if scope is None else (_COUNT_WITHIN, {"within": scope})
        return {(Reason(reason), Kind(kind)): n for reason, kind, n in self._connection.execute(question, fields)}


def _fields(scope: str, number: int, aside: Aside) -> Fields:
    return {
        "scope": scope,
        "number": number,
        "reason": aside.reason,
        "kind": aside.kind,
        "name": aside.name,
        "label": aside.label,
        "why": aside.why,
        "problems": codec.encode_problems(aside.problems),
    }


def _aside(row: Answer) -> AsideRow:
    aside = Aside(
        reason=Reason(row.reason),
        kind=Kind(row.kind),
        name=row.name,
        label=row.label,
        problems=codec.decode_problems(row.problems),
        why=row.why,
    )
    return AsideRow(scope=row.scope, aside=aside)
