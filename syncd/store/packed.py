"""The changes of a large plan, each kept as the bytes that the queue will store: a tenth of the memory of the values.

A sequence like any other to whoever reads it; each change is decoded when it is looked at, and forgotten again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, overload

from syncd.core.model import Change, Effect, SubjectId
from syncd.core.ordering import combined, essential
from syncd.store import codec


class _Item(NamedTuple):
    rank: int
    subject: SubjectId
    op: str
    effects: tuple[Effect, ...]
    essence: bytes
    body: bytes


_IN_ORDER: Final = itemgetter(0, 1, 2)


class Packed(Sequence[Change]):
    """Changes in the order of a plan once `sort` was called."""

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._kinds: dict[tuple[Effect, ...], tuple[Effect, ...]] = {}
        self.effects: Counter[Effect] = Counter()
        """How many changes have each effect."""

    def add(self, changes: Iterable[Change]) -> None:
        """Take changes in."""
        for change in changes:
            self.effects.update(change.effects)
            effects = self._kinds.setdefault(change.effects, change.effects)
            self._items.append(
                _Item(
                    change.rank, change.subject, str(change.op), effects, essential(change), codec.encode_change(change)
                )
            )

    def sort(self) -> None:
        """Bring everything into the order of a plan."""
        self._items.sort(key=_IN_ORDER)

    @property
    def fingerprint(self) -> str:
        """Return what `syncd.core.ordering.fingerprint` returns."""
        return combined(item.essence for item in self._items)

    @property
    def subjects(self) -> set[SubjectId]:
        """Return whom the changes are of."""
        return {item.subject for item in self._items}

    def encoded(self) -> Iterator[tuple[Change, bytes]]:
        """Yield each change with the bytes that it is kept as."""
        for item in self._items:
            yield codec.decode_change(item.body), item.body

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Change]:
        return (codec.decode_change(item.body) for item in self._items)

    @overload
    def __getitem__(self, place: int) -> Change: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Change]: ...
    def __getitem__(self, place: int | slice) -> Change | Sequence[Change]:
        if isinstance(place, slice):
            return [codec.decode_change(item.body) for item in self._items[place]]
        return codec.decode_change(self._items[place].body)


def subjects_of(changes: Sequence[Change]) -> set[SubjectId]:
    """Return whom changes are of, without decoding those that are packed."""
    return changes.subjects if isinstance(changes, Packed) else {change.subject for change in changes}
