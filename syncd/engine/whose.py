"""Which objects are whose, as far as the writer has had to know: asked of the store when a change first needs it.

It never writes, and it never asks twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from syncd.core.difference import Names, references
from syncd.core.model import ROOT_UNIT, Change, FieldChange, Kind, Link, LinkState, Observed, Op, SubjectId, TargetId
from syncd.core.ports import Target
from syncd.core.values import is_empty
from syncd.engine.sight import referred
from syncd.store import Transaction
from syncd.store.rows import QueuedChange


def chosen(change: Change) -> TargetId | None:
    """Return the id that a new object is to have; None where the target gives one."""
    value = next((item.after for item in change.fields if item.name == "userid"), None)
    return TargetId(str(value)) if value else None


class Whose:
    """Links by subject and by object."""

    def __init__(self, name: str, target: Target) -> None:
        self._name = name
        self._target = target
        self._links: dict[SubjectId, Link | None] = {}
        self._names = Names({}, root=target.root)
        self._asked: set[tuple[Kind, TargetId]] = set()
        self._holders: dict[tuple[Kind, TargetId], SubjectId] = {}
        """Whose objects those are by now that creations choose the ids of."""
        self._making: dict[tuple[Kind, TargetId], SubjectId] = {}
        self.ids: dict[SubjectId, TargetId] = {ROOT_UNIT: target.root}
        """The objects of those who are linked."""

    def link(self, subject: SubjectId) -> Link | None:
        """Return somebody's link, also a removed one."""
        return self._links.get(subject)

    def learn(self, tx: Transaction, taken: Iterable[QueuedChange]) -> None:
        """Find out about everybody whom these changes concern."""
        wanted: set[SubjectId] = set()
        choices: dict[Kind, set[TargetId]] = {}
        for queued in taken:
            change = queued.change
            wanted.add(change.subject)
            if change.op is Op.CREATE and (id_ := chosen(change)):
                choices.setdefault(change.kind, set()).add(id_)
            if change.op is Op.WRITE_BACK:
                continue  # its fields are a source's
            specs = self._target.fields[change.kind]
            for item in change.fields:
                wanted.update(references(item.after, specs[item.name]))
                if specs[item.name].shared:  # what is taken away is named to the target, too
                    wanted.update(references(item.before, specs[item.name]))
        self._ask(tx, wanted)
        for kind, ids in choices.items():
            held = tx.links.by_objects(self._name, kind, ids)
            self._holders.update({(kind, id_): held[id_].subject for id_ in held})
            for id_ in ids - held.keys():
                self._holders.pop((kind, id_), None)

    def begin(self, change: Change) -> tuple[TargetId, SubjectId] | None:
        """Note that a creation begins; or return the id that it chooses, and who else has that object, or is being given it.

        Two who choose one id (somebody left, and somebody else has the number now) must never be at the target side by side: what
        one of them has made is found by the other, whose answer was lost, and is written over.
        """
        id_ = chosen(change) if change.op is Op.CREATE else None
        if id_ is None:
            return None
        key = change.kind, id_
        holder = self._making.get(key) or self._holders.get(key)
        if holder is not None and holder != change.subject:
            return id_, holder
        self._making[key] = change.subject
        return None

    def end(self, change: Change) -> None:
        """A creation is settled, whatever came of it."""
        if (
            change.op is Op.CREATE
            and (id_ := chosen(change))
            and self._making.get((change.kind, id_)) == change.subject
        ):
            del self._making[change.kind, id_]

    def _ask(self, tx: Transaction, subjects: Collection[SubjectId]) -> None:
        unknown = [one for one in subjects if one not in self._links]
        if not unknown:
            return
        found = tx.links.get_many(self._name, unknown)
        for subject in unknown:
            self.note(subject, found.get(subject))

    def note(self, subject: SubjectId, link: Link | None) -> None:
        """Remember somebody's link."""
        self._links[subject] = link
        if subject == ROOT_UNIT:
            return
        if link is None or link.state is LinkState.REMOVED:
            self.ids.pop(subject, None)
        elif link.kind is Kind.CONTACT:
            self.ids.pop(subject, None)  # nothing can refer to one
            self._names.add(link.kind, link.target_id, subject)
        else:
            self.ids[subject] = link.target_id
            self._names.add(link.kind, link.target_id, subject)

    def whole(self, tx: Transaction, seen: Observed, wanted: Collection[str]) -> tuple[FieldChange, ...]:
        """Return what the rules fill of an object, as if it had just been written."""
        for kind, ids in referred(seen, self._target).items():
            unknown = [one for one in ids if (kind, one) not in self._asked]
            self._asked.update((kind, one) for one in unknown)
            for link in tx.links.by_objects(self._name, kind, unknown).values() if unknown else ():
                self.note(link.subject, link)
        specs = self._target.fields[seen.kind]
        held = {"userid": seen.target_id, **seen.fields} if "userid" in specs else seen.fields
        return tuple(
            FieldChange(name=name, before=None, after=self._names.translate(name, held[name], specs[name]))
            for name in wanted
            if name in specs and not is_empty(held.get(name))
        )
