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
        self._holders: dict[tuple[Kind, TargetId], Link] = {}
        self.ids: dict[SubjectId, TargetId] = {ROOT_UNIT: target.root}
        """The objects of those who are linked."""

    def link(self, subject: SubjectId) -> Link | None:
        """Return somebody's link, also a removed one."""
        return self._links.get(subject)

    def learn(self, tx: Transaction, taken: Iterable[QueuedChange]) -> None:
        """Find out about everybody whom these changes concern."""
        wanted: set[SubjectId] = set()
        unsure: dict[Kind, set[TargetId]] = {}
        for queued in taken:
            change = queued.change
            wanted.add(change.subject)
            if queued.again and change.op is Op.CREATE and (id_ := chosen(change)):
                unsure.setdefault(change.kind, set()).add(id_)
            if change.op is Op.WRITE_BACK:
                continue  # its fields are a source's
            specs = self._target.fields[change.kind]
            for item in change.fields:
                wanted.update(references(item.after, specs[item.name]))
                if specs[item.name].shared:  # what is taken away is named to the target, too
                    wanted.update(references(item.before, specs[item.name]))
        self._ask(tx, wanted)
        for kind, ids in unsure.items():
            for link in tx.links.by_objects(self._name, kind, ids).values():
                self._holders[kind, link.target_id] = link

    def holder(self, change: Change) -> Link | None:
        """Return who else has by now what a creation may have made; nobody is known for one that is tried for the first time."""
        link = self._holders.get((change.kind, chosen(change) or TargetId("")))
        return link if link is not None and link.subject != change.subject else None

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
