"""Which object of the target is which subject. Never writes to the target."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from syncd.core.model import Kind, Link, SubjectId, TargetId


class Links:
    """Links, by target. Two subjects never hold one object: the database refuses it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, target: str) -> dict[SubjectId, Link]:
        """Return every link, removed ones too."""
        raise NotImplementedError

    def by_target(self, target: str) -> dict[tuple[Kind, TargetId], Link]:
        """Return every link that is not removed, by object."""
        raise NotImplementedError

    def get(self, target: str, subject: SubjectId) -> Link | None:
        """Return one."""
        raise NotImplementedError

    def find(self, target: str, kind: Kind, target_id: TargetId) -> Link | None:
        """Return the link of an object that is not removed."""
        raise NotImplementedError

    def put(self, target: str, link: Link) -> None:
        """Insert or replace the subject's link. Raises NeedsHuman (STO-009) if another subject holds the object."""
        raise NotImplementedError

    def put_many(self, target: str, links: Iterable[Link]) -> None:
        """The same for many."""
        raise NotImplementedError

    def drop(self, target: str, subjects: Iterable[SubjectId]) -> None:
        """Forget links."""
        raise NotImplementedError
