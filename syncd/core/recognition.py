"""Which existing object of the target somebody is: found by what it holds, never guessed. Linked objects are not looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from syncd.core.model import Kind, Observed, TargetId
from syncd.core.values import Value, is_empty


class Free:
    """Objects of the target that nobody is linked to, findable by what they hold."""

    def __init__(self, objects: Iterable[Observed]) -> None:
        self._objects = list(objects)
        self._index: dict[tuple[Kind, str], dict[str, list[Observed]]] = {}
        self._taken: set[tuple[Kind, TargetId]] = set()

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._objects)

    def find(self, kind: Kind, name: str, value: Value, parent: str | None) -> list[Observed]:
        """Return the free objects whose field `name` holds `value`, below `parent` where one is given."""
        index = self._index.get((kind, name))
        if index is None:
            index = self._index[kind, name] = self._by(kind, name)
        return [
            item
            for item in index.get(str(value).strip().casefold(), ())
            if (item.kind, item.target_id) not in self._taken
            and (parent is None or str(item.fields.get("parent")) == parent)
        ]

    def take(self, item: Observed) -> None:
        self._taken.add((item.kind, item.target_id))

    def _by(self, kind: Kind, name: str) -> dict[str, list[Observed]]:
        found: dict[str, list[Observed]] = defaultdict(list)
        for item in self._objects:
            held = item.mark if name == "mark" else item.target_id if name == "userid" else item.fields.get(name)
            if item.kind is kind and not is_empty(held):
                found[str(held).strip().casefold()].append(item)
        return found
