"""The changes of a large plan, each kept as it is filed: a tenth of the memory of the values.

A sequence like any other to whoever reads it; each change is decoded when it is looked at, and forgotten again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, Final, overload

from syncd.core.model import Change, Effect, SubjectId
from syncd.core.newcomers import Newcomer
from syncd.core.ordering import combined
from syncd.store.filing import Filed, decode_change, filed, filed_newcomer

_IN_ORDER: Final = itemgetter(0, 1, 2)


class Packed(Sequence[Change]):
    """Changes in the order of a plan once `sort` was called."""

    def __init__(self) -> None:
        self._items: list[Filed] = []
        self._shared: dict[Any, Any] = {}
        """Who is needed, and what all have in common: alike for everybody of a department, and kept once."""
        self.effects: Counter[Effect] = Counter()
        """How many changes have each effect."""

    def add(self, changes: Iterable[Change]) -> None:
        """Take changes in."""
        self._take(map(filed, changes))

    def add_newcomers(self, creations: Iterable[Newcomer]) -> None:
        """Take creations in."""
        self._take(map(filed_newcomer, creations))

    def _take(self, items: Iterable[Filed]) -> None:
        one, known = self._shared.setdefault, len(self._items)
        self._items += [
            item._replace(
                rank=one(item.rank, item.rank),
                manner=one(item.manner, item.manner),
                needs=one(item.needs, item.needs),
                after=one(item.after, item.after),
            )
            for item in items
        ]
        for item in islice(self._items, known, None):
            self.effects.update(item.effects)

    def keep_only(self, subjects: Collection[SubjectId]) -> None:
        """Forget the changes of everybody else."""
        self._items = [item for item in self._items if item.subject in subjects]
        self.effects = Counter(effect for item in self._items for effect in item.effects)

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

    @property
    def filed(self) -> Sequence[Filed]:
        """Return the changes as they are kept, in their order."""
        return self._items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Change]:
        return (decode_change(item.body) for item in self._items)

    @overload
    def __getitem__(self, place: int) -> Change: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Change]: ...
    def __getitem__(self, place: int | slice) -> Change | Sequence[Change]:
        if isinstance(place, slice):
            return [decode_change(item.body) for item in self._items[place]]
        return decode_change(self._items[place].body)


def subjects_of(changes: Sequence[Change]) -> set[SubjectId]:
    """Return whom changes are of, without decoding those that are packed."""
    return changes.subjects if isinstance(changes, Packed) else {change.subject for change in changes}


def filed_of(changes: Sequence[Change]) -> Sequence[Filed]:
    """Return changes as they are filed, which those that are packed are already."""
    return changes.filed if isinstance(changes, Packed) else [filed(change) for change in changes]
