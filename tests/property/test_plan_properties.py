"""The first promise: apply the difference, and the next difference is empty."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.difference import exchange, references
from syncd.core.model import ROOT_UNIT, Desired, FieldChange, Kind, Link, LinkState, Op, Plan, SubjectId
from syncd.core.outcome import Applied
from syncd.core.plan import Terms, diff, fingerprint
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.testing.memory import FIELDS, MemoryTarget

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
PEOPLE = [SubjectId(f"person:{name}") for name in "abcdef"]
ROLES = [SubjectId(f"group:{name}") for name in "rst"]
UNITS = [SubjectId(f"unit:{number}") for number in range(5)]


@st.composite
def companies(draw: st.DrawFn) -> dict[SubjectId, Desired]:
    """Some units in a tree, some people in them, managers who may even form circles, leaders who need not be members, roles."""
    units = UNITS[: draw(st.integers(1, len(UNITS)))]
    people = PEOPLE[: draw(st.integers(0, len(PEOPLE)))]
    roles = ROLES[: draw(st.integers(0, len(ROLES)))]
    wanted: dict[SubjectId, Desired] = {}
    for place, unit in enumerate(units):
        parent = draw(st.sampled_from([ROOT_UNIT, *units[:place]]))
        fields: dict[str, Value] = {"name": f"Unit {unit} {draw(st.sampled_from('xyz'))}", "parent": parent}
        wanted[unit] = Desired(subject=unit, kind=Kind.UNIT, label=unit, fields=fields)
    for person in people:
        homes = draw(st.lists(st.sampled_from(units), min_size=1, max_size=2, unique=True))
        fields = {
            "userid": person.removeprefix("person:"),
            "name": f"Example {person} {draw(st.sampled_from('pqr'))}",
            "mobile": f"1380000000{PEOPLE.index(person)}",
            "departments": tuple({"unit": unit} for unit in homes),
            "title": draw(st.sampled_from([None, "Engineer", "Manager"])),
            "manager": draw(st.sampled_from([None, *people])),
            "roles": tuple(draw(st.lists(st.sampled_from(roles), max_size=2, unique=True))) if roles else (),
        }
        wanted[person] = Desired(subject=person, kind=Kind.PERSON, label=person, fields=fields)
    for role in roles:
        name = f"Role {role} {draw(st.sampled_from('vw'))}"
        wanted[role] = Desired(subject=role, kind=Kind.GROUP, label=role, fields={"name": name, "role_group": "syncd"})
    for unit in units:
        leaders = tuple(draw(st.lists(st.sampled_from(people), max_size=2, unique=True))) if people else ()
        wanted[unit] = replace(wanted[unit], fields={**wanted[unit].fields, "managers": leaders})
    return wanted


class Tenant:
    """A target, its links, and a writer that does nothing clever."""

    def __init__(self) -> None:
        self.now = NOW
        self.target = MemoryTarget({}, Room(name="memory", now=lambda: self.now, base=Path()))
        self.links: dict[SubjectId, Link] = {}

    def plan(self, wanted: dict[SubjectId, Desired], *, hold: bool = False) -> Plan:
        leaving = {subject: "gone" for subject in self.links if subject not in wanted}
        terms = Terms(fields=FIELDS, root=self.target.root, now=self.now, hold_leavers=hold)
        observed = [self.target._show(*key) for key in self.target.objects]
        return diff(wanted.values(), observed, self.links, leaving=leaving, terms=terms)

    def resolve(self, kind: Kind, item: FieldChange) -> FieldChange:
        ids = {subject: link.target_id for subject, link in self.links.items()} | {ROOT_UNIT: self.target.root}
        spec = FIELDS[kind][item.name]
        assert all(subject in ids for subject in references(item.after, spec)), item
        before = exchange(item.before, spec, ids) if spec.shared else item.before
        return replace(item, before=before, after=exchange(item.after, spec, ids))

    def write(self, plan: Plan) -> None:
        for place, change in enumerate(plan.changes):
            fields = tuple(self.resolve(change.kind, item) for item in change.fields)
            target_id = change.target_id or (
                self.links[change.subject].target_id if change.subject in self.links else None
            )
            wire = replace(change, fields=fields, target_id=target_id)
            outcome = asyncio.run(self.target.apply(wire, key=f"{plan.fingerprint}:{place}"))
            assert isinstance(outcome, Applied), (change, outcome)
            if change.op is Op.REMOVE:
                del self.links[change.subject]
            else:
                state = LinkState.OFFBOARDED if change.op is Op.OFFBOARD else LinkState.LINKED
                self.links[change.subject] = Link(
                    subject=change.subject, kind=change.kind, target_id=outcome.target_id, state=state, since=self.now
                )


@given(before=companies(), after=companies())
@settings(deadline=None, max_examples=150)
def test_apply_the_difference_and_the_next_difference_is_empty(
    before: dict[SubjectId, Desired], after: dict[SubjectId, Desired]
) -> None:
    tenant = Tenant()
    for wanted in (before, after):
        tenant.write(tenant.plan(wanted))
        assert tenant.plan(wanted).changes == ()


@given(wanted=companies(), seed=st.randoms())
@settings(deadline=None, max_examples=50)
def test_equal_input_gives_an_equal_plan_whatever_its_order(wanted: dict[SubjectId, Desired], seed) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(wanted.items())
    seed.shuffle(shuffled)

    assert Tenant().plan(dict(shuffled)) == Tenant().plan(wanted)


@given(wanted=companies())
@settings(deadline=None, max_examples=50)
def test_a_subject_that_is_neither_wanted_nor_leaving_is_left_alone(wanted: dict[SubjectId, Desired]) -> None:
    tenant = Tenant()
    tenant.write(tenant.plan(wanted))
    terms = Terms(fields=FIELDS, root=tenant.target.root, now=NOW)
    observed = [tenant.target._show(*key) for key in tenant.target.objects]

    assert diff([], observed, tenant.links, leaving={}, terms=terms).changes == ()


@given(wanted=companies())
@settings(deadline=None, max_examples=50)
def test_unlinked_objects_are_counted_and_never_changed(wanted: dict[SubjectId, Desired]) -> None:
    tenant = Tenant()
    tenant.write(tenant.plan(wanted))
    count = len(tenant.links)
    tenant.links.clear()
    leaving = dict.fromkeys(wanted, "gone")
    terms = Terms(fields=FIELDS, root=tenant.target.root, now=NOW)
    observed = [tenant.target._show(*key) for key in tenant.target.objects]

    plan = diff([], observed, tenant.links, leaving=leaving, terms=terms)

    assert plan.changes == ()
    assert plan.unmanaged == count


def test_a_leaver_waits_out_the_grace_period_before_being_removed() -> None:
    """A mistake in the source can be undone for thirty days without anybody losing an account."""
    tenant = Tenant()
    unit = Desired(subject=UNITS[0], kind=Kind.UNIT, label="U", fields={"name": "U", "parent": ROOT_UNIT})
    holding = Desired(
        subject=SubjectId("unit:leavers"),
        kind=Kind.UNIT,
        label="L",
        fields={"name": "L", "parent": ROOT_UNIT, "hide_dept": True},
    )
    fields: dict[str, Value] = {"userid": "a", "name": "A", "mobile": "1", "departments": ({"unit": UNITS[0]},)}
    person = Desired(subject=PEOPLE[0], kind=Kind.PERSON, label="A", fields=fields)
    everyone = {item.subject: item for item in (unit, holding, person)}
    tenant.write(tenant.plan(everyone, hold=True))
    staying = {item.subject: item for item in (unit, holding)}

    tenant.write(tenant.plan(staying, hold=True))
    assert tenant.links[PEOPLE[0]].state is LinkState.OFFBOARDED
    assert tenant.plan(staying, hold=True).changes == ()

    tenant.now = NOW + timedelta(days=31)
    assert [change.op for change in tenant.plan(staying, hold=True).changes] == [Op.REMOVE]


def test_the_fingerprint_says_what_is_done_and_nothing_else() -> None:
    assert fingerprint(()) == fingerprint([])
