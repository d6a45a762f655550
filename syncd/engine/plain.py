"""People of whom one record speaks and of whom nothing has to be weighed: nearly everybody, straight from their rows to what the
target shall hold.

For them `gather`, `stand`, `want` and `finished` ask some dozens of questions that have one answer each; whoever is not plain is
left to these, and the outcome is the same (`tests/property/test_plain_people.py`). Reads the store, writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from syncd.core.attributes import REFERRING
from syncd.core.errors import Place
from syncd.core.model import Desired, Entity, Kind, SourceName, SubjectId
from syncd.core.orgtree import OrgTree
from syncd.core.ports import Target
from syncd.core.values import Value, Values
from syncd.engine.lookup import Lookup
from syncd.engine.world import World
from syncd.mapping.plain import PlainRules
from syncd.store import Transaction
from syncd.store.records_few import Alone

_OTHERS: Final = tuple(name for name in REFERRING[Kind.PERSON] if name not in ("manager", "units"))
_DAY: Final = timedelta(days=1)


class Plain(NamedTuple):
    """What the target shall hold of somebody plain. Made for each person."""

    subject: SubjectId
    fields: Values
    manager: SubjectId | None
    facts: Values
    rules: Mapping[str, Place]

    @property
    def kind(self) -> Kind:
        """Return what becomes of people."""
        return Kind.PERSON

    @property
    def label(self) -> str:
        """Return the name that people know them by."""
        text = self.facts.get("displayName")
        return str(text) if text else Entity(subject=self.subject, kind=Kind.PERSON, facts=self.facts).label

    @property
    def since(self) -> None:
        """Return nothing: when a source changed somebody is not kept in a plan for very many (`people_among`)."""
        return

    @property
    def desired(self) -> Desired:
        """Return the same as a wish like any other, which nearly nobody asks for."""
        return Desired(
            subject=self.subject,
            kind=Kind.PERSON,
            label=self.label,
            fields=self.fields,
            rules=self.rules,
        )


class _Simple(NamedTuple):
    """What the record of somebody says who is plain if those are whom it names."""

    subject: SubjectId
    record: Alone
    facts: dict[str, Value]
    units: tuple[str, ...]
    manager: str | None


class _Meant(NamedTuple):
    """Whom the texts of a source mean."""

    units: Mapping[str, SubjectId | None]
    managers: Mapping[str, SubjectId | None]


class _Above(NamedTuple):
    """What rules may look at of the unit that somebody stands in."""

    facts: Values
    path: tuple[str, ...]


class PlainPeople:
    """Tells plain people from others: what is the same for everybody is found out once."""

    def __init__(
        self,
        world: World,
        target: Target,
        *,
        tree: OrgTree,
        lookup: Lookup,
        members: Collection[SubjectId],
    ) -> None:
        """`tree` holds the units, `members` is whom units name as theirs."""
        self._rules = world.outbound.plain()
        self._normalise = target.normalise
        self._world = world
        self._tree = tree
        self._lookup = lookup
        self._members = members
        self._sources = frozenset(
            name
            for name, seat in world.seats.items()
            if name in world.join.sources and seat.rules.gives(Kind.PERSON) is Kind.PERSON
        )
        self._outer = frozenset(one for one, unit in tree.entities.items() if unit.facts.get("outer") is True)
        self._others = (
            ()
            if self._rules is None
            else tuple(name for name in _OTHERS if name != "groups" or name in self._rules.reads)
        )
        """References that make somebody not plain; groups that no rule looks at are none."""
        self._waits = world.joiners.ahead is not None
        self._above: dict[SubjectId | None, _Above | None] = {}

    def among(self, tx: Transaction, people: Sequence[SubjectId]) -> tuple[list[Plain], list[SubjectId]]:
        """Return those of these people who are plain, and the others, in their order."""
        rules = self._rules
        if rules is None or not people:
            return [], [*people]
        left = {*tx.offboardings.all(), *tx.drifts.left(self._world.target_name, people)}
        begun = (self._world.now() - _DAY).date().isoformat()
        alone = tx.records.alone(people).items()
        simple = [made for who, one in alone if who not in left and (made := self._simple(who, one, begun)) is not None]
        meant = self._meant(tx, simple)
        plain = {one.subject: wish for one in simple if (wish := self._plain(one, meant, rules)) is not None}
        return [plain[one] for one in people if one in plain], [one for one in people if one not in plain]

    def _simple(self, subject: SubjectId, one: Alone, begun: str) -> _Simple | None:
        """Return what is said of somebody who is at work by the day before today (`begun`), so anywhere, and for good; None of
        others, and where somebody is named whom rules have to weigh."""
        if one.source not in self._sources or subject in self._members:
            return None
        facts = one.facts()
        get = facts.get
        if get("endDate") or get("outsider") is True or get("active") is False or any(map(get, self._others)):
            return None
        if self._waits and (starts := get("hireDate")) and str(starts) > begun:
            return None
        units, manager = get("units"), get("manager")
        if type(units) is not tuple or not units or not all(map(_is_name, units)):
            return None
        if manager is None or _is_name(manager):
            return _Simple(subject, one, facts, units, manager)  # type: ignore[arg-type]
        return None

    def _meant(self, tx: Transaction, simple: Iterable[_Simple]) -> Mapping[SourceName, _Meant]:
        """Return whom their texts mean, by source."""
        units: dict[SourceName, set[str]] = defaultdict(set)
        managers: dict[SourceName, set[str]] = defaultdict(set)
        for one in simple:
            source = one.record.source
            units[source].update(one.units)
            if one.manager is not None:
                managers[source].add(one.manager)
        meet = self._lookup.meet
        return {
            source: _Meant(
                meet(tx, (source, Kind.PERSON, "units"), some),
                meet(tx, (source, Kind.PERSON, "manager"), managers[source]),
            )
            for source, some in units.items()
        }

    def _plain(self, one: _Simple, meant: Mapping[SourceName, _Meant], rules: PlainRules) -> Plain | None:
        """Return what shall be of somebody; None if they are not plain."""
        subject, record, facts, named_units, named = one
        known = meant[record.source]
        units = tuple([known.units[text] for text in named_units])
        above = self._standing_in(units[0])
        if above is None or (len(units) > 1 and not all(map(self._standing_in, units))):
            return None
        facts["units"] = units if len(units) == 1 else tuple(dict.fromkeys(units))
        manager = None
        if named is not None:
            manager = facts["manager"] = known.managers[named]
            if manager is None:
                return None
        wanted = rules.wanted(facts, above.facts, above.path)
        if wanted is None:
            return None
        return Plain(subject, self._normalise(Kind.PERSON, wanted[0]), manager, facts, wanted[1])

    def _standing_in(self, unit: SubjectId | None) -> _Above | None:
        """Return what rules may look at of a unit; None where nobody plain stands: it is not in the tree, or outer."""
        try:
            return self._above[unit]
        except KeyError:
            known = self._tree.entities.get(unit) if unit is not None else None
            if known is None or unit in self._outer:
                made = None
            else:
                path = self._tree.path(unit) if self._rules is not None and self._rules.reads_path else ()
                made = _Above(known.facts, tuple([one.label for one in path]))
            self._above[unit] = made
            return made


def _is_name(value: Value) -> bool:
    return type(value) is str and bool(value)
