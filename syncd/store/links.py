"""Which object of the target is which subject. Never writes to the target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, text
from sqlalchemy.exc import IntegrityError

from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind, Link, LinkState, SubjectId, TargetId
from syncd.store import tables
from syncd.store.columns import from_micros, micros
from syncd.store.errors import TAKEN
from syncd.store.statements import Answer, Fields, Upsert, portions

_T: Final = tables.links
# The very words of the partial unique index, so that it is used.
_HELD: Final = text("state <> 'removed'")
_ALL: Final = select(_T).where(_T.c.target == bindparam("of_target"))
_ONE: Final = _ALL.where(_T.c.subject == bindparam("one"))
_BY_TARGET: Final = _ALL.where(_HELD)
_HOLDER: Final = _BY_TARGET.where(_T.c.kind == bindparam("of_kind"), _T.c.target_id == bindparam("object"))
_PUT: Final = Upsert(_T, key=["target", "subject"])
_DROP: Final = delete(_T).where(_T.c.target == bindparam("of_target"), _T.c.subject == bindparam("one"))


class Links:
    """Links, by target. Two subjects never hold one object: the database refuses it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, target: str) -> dict[SubjectId, Link]:
        """Return every link, removed ones too."""
        rows = self._connection.execute(_ALL, {"of_target": target})
        return {link.subject: link for link in map(_link, rows)}

    def by_target(self, target: str) -> dict[tuple[Kind, TargetId], Link]:
        """Return every link that is not removed, by object."""
        rows = self._connection.execute(_BY_TARGET, {"of_target": target})
        return {(link.kind, link.target_id): link for link in map(_link, rows)}

    def get(self, target: str, subject: SubjectId) -> Link | None:
        """Return one."""
        row = self._connection.execute(_ONE, {"of_target": target, "one": subject}).first()
        return None if row is None else _link(row)

    def find(self, target: str, kind: Kind, target_id: TargetId) -> Link | None:
        """Return the link of an object that is not removed."""
        fields = {"of_target": target, "of_kind": kind, "object": target_id}
        row = self._connection.execute(_HOLDER, fields).first()
        return None if row is None else _link(row)

    def put(self, target: str, link: Link) -> None:
        """Insert or replace the subject's link. Raises NeedsHuman (STO-009) if another subject holds the object."""
        self.put_many(target, [link])

    def put_many(self, target: str, links: Iterable[Link]) -> None:
        """The same for many; if one is refused, none is put."""
        wanted = list(links)
        try:
            with self._connection.begin_nested():
                for portion in portions(wanted):
                    _PUT.run(self._connection, [_fields(target, link) for link in portion])
        except IntegrityError as error:
            raise self._taken(target, wanted) from error

    def _taken(self, target: str, links: Iterable[Link]) -> NeedsHuman:
        """Return whose object it was that the database refused to give to a second subject."""
        held = self.by_target(target)
        for link in links:
            holder = held.setdefault((link.kind, link.target_id), link).subject
            if holder != link.subject:
                words = {"kind": link.kind, "target_id": link.target_id, "target": target, "subject": link.subject}
                return NeedsHuman(TAKEN.at(holder=holder, **words))
        raise AssertionError("the database refused a link that nobody holds")

    def drop(self, target: str, subjects: Iterable[SubjectId]) -> None:
        """Forget links."""
        for portion in portions(subjects):
            self._connection.execute(_DROP, [{"of_target": target, "one": subject} for subject in portion])


def _fields(target: str, link: Link) -> Fields:
    return {
        "target": target,
        "subject": link.subject,
        "kind": link.kind,
        "target_id": link.target_id,
        "state": link.state,
        "since": micros(link.since),
        "adopted": link.adopted,
    }


def _link(row: Answer) -> Link:
    return Link(
        subject=SubjectId(row.subject),
        kind=Kind(row.kind),
        target_id=TargetId(row.target_id),
        state=LinkState(row.state),
        since=from_micros(row.since),
        adopted=row.adopted,
    )
