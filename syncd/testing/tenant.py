"""A target under test, and how the contract suite speaks to it. Used by `syncd.testing.target`; it tests nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import pytest

from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Observed, Op, SubjectId, TargetId
from syncd.core.outcome import Applied, Outcome
from syncd.core.ports import Target
from syncd.core.values import Value


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A target to test, and how to make objects that it accepts."""

    target: Target
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    """Runs a coroutine where the target lives (`asyncio.Runner().run`)."""
    person: Callable[[int], dict[str, Value]]
    """The fields of the n-th acceptable person, without departments."""
    unit: Callable[[int], dict[str, Value]]
    """The fields of the n-th acceptable unit, without parent."""
    role: Callable[[int], dict[str, Value]] | None = None
    """The fields of the n-th acceptable role; None for a target that knows no roles."""
    contact: Callable[[int], dict[str, Value]] | None = None
    """The fields of the n-th acceptable external contact, without follower; None for a target that knows none. Among them is
    `title`, which can be changed."""

    def apply(self, change: Change, *, key: str = "", again: bool = False) -> Outcome:
        """Apply a change; its key is made of what it is, unless one is given."""
        made = key or f"{change.op}:{change.subject}:{len(change.fields)}"
        outcome: Outcome = self.run(self.target.apply(change, key=made, again=again))
        return outcome

    def confirmed(self, change: Change, *, key: str = "") -> TargetId:
        """Apply a change and insist that it was confirmed."""
        outcome = self.apply(change, key=key)
        assert isinstance(outcome, Applied), outcome
        return outcome.target_id

    def look(self, kind: Kind, target_id: TargetId) -> Observed | None:
        """Return an object as it is now."""
        seen: Observed | None = self.run(self.target.look(kind, target_id))
        return seen

    def everything(self) -> dict[tuple[Kind, TargetId], Observed]:
        """Observe the whole target."""

        async def walk() -> dict[tuple[Kind, TargetId], Observed]:
            return {(seen.kind, seen.target_id): seen async for seen in self.target.observe()}

        found: dict[tuple[Kind, TargetId], Observed] = self.run(walk())
        return found

    def make_unit(self, number: int = 1, parent: TargetId | None = None) -> TargetId:
        """Create a unit."""
        fields = {**self.unit(number), "parent": parent or self.target.root}
        return self.confirmed(change(Op.CREATE, Kind.UNIT, f"unit:{number}", fields))

    def make_role(self, number: int = 1) -> TargetId:
        """Create a role; for a target that knows none the test is skipped."""
        fields = self.role(number) if self.role is not None else pytest.skip("the target knows no roles")
        return self.confirmed(change(Op.CREATE, Kind.GROUP, f"group:{number}", fields))

    def contact_made_by(self, number: int, follower: TargetId) -> Change:
        """Return the creation of an external contact."""
        assert self.contact is not None, "say what an acceptable contact is: Tenant.contact"
        return change(Op.CREATE, Kind.CONTACT, f"person:{900 + number}", {**self.contact(number), "follower": follower})

    def make_contact(self, number: int, follower: TargetId) -> TargetId:
        """Create an external contact."""
        return self.confirmed(self.contact_made_by(number, follower))

    def give(self, person: TargetId, *roles: TargetId, taking: tuple[TargetId, ...] = (), again: bool = False) -> None:
        """Give roles to somebody, and take others away."""
        field = FieldChange(name="roles", before=taking, after=roles)
        made = replace(change(Op.ROLES, Kind.PERSON, f"person:{person}", {}, person), fields=(field,))
        outcome = self.apply(made, key=f"roles:{roles}:{taking}:{again}", again=again)
        assert isinstance(outcome, Applied), outcome

    def roles_of(self, person: TargetId) -> set[object]:
        """Return the roles that somebody has, as `observe` and `look` say, who must agree."""
        looked, seen = self.look(Kind.PERSON, person), self.everything()[Kind.PERSON, person]
        found: set[object] = set(seen.fields.get("roles") or ())  # type: ignore[arg-type]
        assert looked is not None
        assert set(looked.fields.get("roles") or ()) == found  # type: ignore[arg-type]
        return found

    def make_person(self, number: int, *units: TargetId) -> TargetId:
        """Create a person in units."""
        fields = {**self.person(number), "departments": tuple({"unit": unit} for unit in units)}
        return self.confirmed(change(Op.CREATE, Kind.PERSON, f"person:{number}", fields))


def change(
    op: Op, kind: Kind, subject: str, fields: dict[str, Value] | None = None, target_id: TargetId | None = None
) -> Change:
    """Return a change as the writer hands it to a target."""
    return Change(
        op=op,
        subject=SubjectId(subject),
        kind=kind,
        label=str((fields or {}).get("name", subject)),
        reason="contract",
        effects=(Effect.UPDATE,),
        lane=Lane.REST,
        rank=0,
        target_id=target_id,
        fields=tuple(FieldChange(name=name, before=None, after=value) for name, value in (fields or {}).items()),
    )
