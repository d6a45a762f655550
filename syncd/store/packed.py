"""The changes of a large plan, each kept as it is filed: a tenth of the memory of the values.

A sequence like any other to whoever reads it; each change is decoded when it is looked at, and forgotten again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final, overload

from syncd.core.model import Change, Effect, SubjectId
from syncd.core.newcomers import Newcomer
from syncd.core.ordering import combined
from syncd.store.filing import Filed, decode_change, filed, filed_newcomer

_IN_ORDER: Final = (0, 1, 2)
"""The places of a filed change by which a plan is in order."""
_NONE: Final[Mapping[SubjectId, SubjectId]] = {}


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

    def add_newcomers(self, creations: Iterable[Newcomer], own: Mapping[SubjectId, SubjectId] = _NONE) -> None:
        """Take creations in. `own` are subjects that somebody holds anyway, by themselves: the same texts are not kept twice."""
        self._take(map(filed_newcomer, creations), own)

    def _take(self, items: Iterable[Filed], own: Mapping[SubjectId, SubjectId] = _NONE) -> None:
        one, held = self._shared.setdefault, own.get
        taken = [
            Filed(
                one(item.rank, item.rank),
                held(item.subject, item.subject),
                item.op,
                one(item.manner, item.manner),
                one(item.needs, item.needs),
                one(item.after, item.after),
                *item[6:],
            )
            for item in items
        ]
        self._items += taken
        self.effects.update(chain.from_iterable([item.manner.effects for item in taken]))

    def keep_only(self, subjects: Collection[SubjectId]) -> None:
        """Forget the changes of everybody else."""
        self._items = [item for item in self._items if item.subject in subjects]
        self.effects = Counter(chain.from_iterable([item.manner.effects for item in self._items]))

    def sort(self) -> None:
        """Bring everything into the order of a plan."""
        # One after the other, the last first, as sorting keeps the order of equals: keys of all three would be 8 MB for 100,000.
        for place in reversed(_IN_ORDER):
            self._items.sort(key=itemgetter(place))

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
