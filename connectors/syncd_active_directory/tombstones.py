"""What Active Directory remembers of deleted objects, as far as the account may see it. Blocking; it concludes nothing.

Whoever has no special right does not see what is in CN=Deleted Objects ([MS-ADTS] 3.1.1.1.15); then nothing is told of deletions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from syncd_active_directory.directory import first, root_of
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.place import Place
from syncd_active_directory.reading import batches, classes_of
from syncd_active_directory.units import identity_of
from syncd_active_directory.wire import Wire

_SHOW_DELETED: Final = ("1.2.840.113556.1.4.417", True, None)
_KEPT: Final = timedelta(days=50)
"""The shortest usual tombstone lifetime is 60 days ([MS-ADTS] 6.1.1.2.4.1.1, tombstoneLifetime); less a margin."""
_TIME: Final = "%Y%m%d%H%M%S"


class Tombstones:
    """The deleted objects of the naming contexts that are read."""

    def __init__(self, wire: Wire, place: Place) -> None:
        self._wire = wire
        self._place = place
        self._containers = tuple(
            f"CN=Deleted Objects,{context}" for context in dict.fromkeys(place.context(base) for base in place.bases)
        )
        self._readable: bool | None = None

    def readable(self) -> bool:
        """Tell whether the account may look into the containers of deleted objects."""
        if self._readable is None:
            self._readable = all(map(self._is_readable, self._containers))
        return self._readable

    def since(self, usn: int) -> Iterator[RawEntry]:
        """Yield who was deleted after a position, with objectClass."""
        for container in self._containers:
            yield from self._search(container, f"(&(isDeleted=TRUE)(uSNChanged>={usn + 1}))")

    def groups(self, ids: Collection[str]) -> frozenset[str]:
        """Return those of deleted objects that are groups, or may be, because the account cannot see what they were."""
        return frozenset(ids) - {identity for identity, classes in self._dead(ids) if "group" not in classes}

    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Return those of `ids` of which the account can see that they are deleted."""
        return frozenset(identity for identity, _ in self._dead(ids))

    def time(self) -> str:
        """Return the server's time, as it writes it."""
        return first(root_of(self._wire), "currenttime")

    def _dead(self, ids: Collection[str]) -> Iterator[tuple[str, frozenset[str]]]:
        if not ids or not self.readable():
            return
        for batch in batches(ids):
            for container in self._containers:
                for entry in self._search(container, self._place.dialect.identity.matching(batch)):
                    yield identity_of(entry, self._place), classes_of(entry)

    def _is_readable(self, container: str) -> bool:
        # The container itself is shown to everybody by some servers, its attributes only to those who may look into it.
        wanted = [self._place.dialect.identity.attribute]
        entry = self._wire.present(container, wanted, doing="looking at deleted objects", controls=(_SHOW_DELETED,))
        return entry is not None and bool(identity_of(entry, self._place))

    def _search(self, container: str, filter_: str) -> Iterator[RawEntry]:
        wanted = [self._place.dialect.identity.attribute, "objectClass"]
        for page in self._wire.pages(
            base=container, filter_=filter_, wanted=wanted, doing="asking who was deleted", controls=(_SHOW_DELETED,)
        ):
            yield from page.entries


def too_old(then: object, now: str) -> bool:
    """Tell whether deletions may have been forgotten between two times of the server; True if one cannot be read."""
    try:
        return _read(now) - _read(str(then)) > _KEPT
    except ValueError:
        return True


def _read(text: str) -> datetime:
    return datetime.strptime(text[:14], _TIME).replace(tzinfo=UTC)
