"""The contract suite of targets: the numbered rules of `syncd.core.ports.Target`, each as tests that carry its number.

Subclass `TargetContract` and give it one fixture, `tenant`, which returns a fresh `Tenant` around your target. Values that the
platform insists on (a valid mobile number, a userid) come from `Tenant.person` and `Tenant.unit`. A target that knows no roles
says so by leaving `Tenant.role` out; one that knows external contacts keeps `syncd.testing.contacts`, too.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.core.model import FieldChange, Kind, Observed, Op, TargetId
from syncd.core.outcome import Applied, Rejected
from syncd.testing.tenant import Tenant, change


class TargetContract:
    """Subclass me, and give me a fixture `tenant`."""

    @pytest.fixture
    def tenant(self) -> Tenant:
        """Return a fresh, empty tenant."""
        raise NotImplementedError("give the suite a fixture `tenant`")

    def test_01_every_required_field_is_in_the_table(self, tenant: Tenant) -> None:
        assert set(tenant.person(1)) <= set(tenant.target.fields[Kind.PERSON])
        assert set(tenant.unit(1)) <= set(tenant.target.fields[Kind.UNIT])
        assert {"departments", "manager", "userid"} <= set(tenant.target.fields[Kind.PERSON])
        assert {"name", "parent", "managers"} <= set(tenant.target.fields[Kind.UNIT])
        assert set(tenant.target.hidden) <= set(tenant.target.fields[Kind.UNIT])

    def test_02_normalising_twice_changes_nothing_more(self, tenant: Tenant) -> None:
        for kind, fields in ((Kind.PERSON, tenant.person(1)), (Kind.UNIT, tenant.unit(1))):
            once = tenant.target.normalise(kind, fields)

            assert tenant.target.normalise(kind, once) == once

    def test_03_observing_shows_every_object_once_and_certifies_it(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        child = tenant.make_unit(2, unit)
        person = tenant.make_person(1, unit, child)

        seen = tenant.everything()

        assert {(Kind.UNIT, unit), (Kind.UNIT, child), (Kind.PERSON, person)} <= seen.keys()
        assert (Kind.UNIT, tenant.target.root) not in seen
        assert tenant.target.observed().proven, tenant.target.observed().doubts

    def test_03_what_was_written_is_observed_as_it_was_normalised(self, tenant: Tenant) -> None:
        """Otherwise the next plan finds differences that are none."""
        unit = tenant.make_unit()
        person = tenant.make_person(1, unit)
        wanted = tenant.target.normalise(Kind.PERSON, tenant.person(1))

        seen = tenant.everything()[Kind.PERSON, person]

        assert {name: seen.fields.get(name) for name in wanted} == dict(wanted)

    def test_05_a_change_applied_twice_with_one_key_has_the_effect_of_once(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        fields = {**tenant.person(1), "departments": ({"unit": unit},)}
        make = change(Op.CREATE, Kind.PERSON, "person:1", fields)

        first = tenant.apply(make, key="k1")
        second = tenant.apply(make, key="k1", again=True)

        assert isinstance(first, Applied)
        assert isinstance(second, Applied)
        assert first.target_id == second.target_id
        assert len(tenant.everything()) == 2

    def test_05_a_department_made_twice_with_one_key_is_one_department(self, tenant: Tenant) -> None:
        make = change(Op.CREATE, Kind.UNIT, "unit:1", {**tenant.unit(1), "parent": tenant.target.root})

        first = tenant.apply(make, key="k1")
        second = tenant.apply(make, key="k1", again=True)

        assert isinstance(second, Applied), second
        assert first == Applied(target_id=second.target_id, detail=first.detail if isinstance(first, Applied) else "")
        assert len(tenant.everything()) == 1

    def test_07_fields_that_are_not_named_are_not_touched(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        person = tenant.make_person(1, unit)
        before = tenant.look(Kind.PERSON, person)

        tenant.confirmed(change(Op.UPDATE, Kind.PERSON, "person:1", {"title": "Another Title"}, person))

        after = tenant.look(Kind.PERSON, person)
        assert before is not None
        assert after is not None
        assert {**before.fields, "title": "Another Title"} == after.fields

    def test_07_objects_that_are_not_named_are_not_touched(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        tenant.make_person(1, unit)
        other = tenant.make_person(2, unit)
        before = tenant.look(Kind.PERSON, other)

        tenant.confirmed(
            change(Op.UPDATE, Kind.PERSON, "person:1", {"title": "T"}, TargetId(str(tenant.person(1)["userid"])))
        )

        assert tenant.look(Kind.PERSON, other) == before

    def test_08_a_mobile_number_that_somebody_has_is_rejected_by_name(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        tenant.make_person(1, unit)
        fields = {**tenant.person(2), "mobile": tenant.person(1)["mobile"], "departments": ({"unit": unit},)}

        outcome = tenant.apply(change(Op.CREATE, Kind.PERSON, "person:2", fields))

        assert isinstance(outcome, Rejected)
        assert len([key for key in tenant.everything() if key[0] is Kind.PERSON]) == 1

    def test_09_removing_what_is_gone_already_is_applied(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        person = tenant.make_person(1, unit)
        tenant.confirmed(change(Op.REMOVE, Kind.PERSON, "person:1", target_id=person), key="r1")

        outcome = tenant.apply(change(Op.REMOVE, Kind.PERSON, "person:1", target_id=person), key="r2")

        assert isinstance(outcome, Applied)
        assert tenant.look(Kind.PERSON, person) is None

    @pytest.mark.parametrize("again", [False, True])
    def test_09_changing_what_is_gone_is_rejected_and_says_that_it_is_gone(self, tenant: Tenant, again: bool) -> None:
        person = tenant.make_person(1, tenant.make_unit())
        tenant.confirmed(change(Op.REMOVE, Kind.PERSON, "person:1", target_id=person), key="r1")

        outcome = tenant.apply(
            change(Op.UPDATE, Kind.PERSON, "person:1", {"title": "T"}, person), key="u1", again=again
        )

        assert isinstance(outcome, Rejected)
        assert outcome.gone

    def test_09_a_department_with_people_in_it_is_not_removed(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        tenant.make_person(1, unit)

        outcome = tenant.apply(change(Op.REMOVE, Kind.UNIT, "unit:1", target_id=unit))

        assert not isinstance(outcome, Applied)
        assert tenant.look(Kind.UNIT, unit) is not None

    def test_a_person_moves_when_the_whole_list_of_departments_is_written(self, tenant: Tenant) -> None:
        first, second = tenant.make_unit(1), tenant.make_unit(2)
        person = tenant.make_person(1, first)

        tenant.confirmed(change(Op.UPDATE, Kind.PERSON, "person:1", {"departments": ({"unit": second},)}, person))

        seen = tenant.look(Kind.PERSON, person)
        assert seen is not None
        assert _units(seen) == {second}

    def test_managers_are_set_and_cleared(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        boss, person = tenant.make_person(1, unit), tenant.make_person(2, unit)

        tenant.confirmed(change(Op.LINK, Kind.PERSON, "person:2", {"manager": boss}, person), key="m1")
        tenant.confirmed(change(Op.LINK, Kind.UNIT, "unit:1", {"managers": (boss,)}, unit), key="m2")

        seen, led = tenant.look(Kind.PERSON, person), tenant.look(Kind.UNIT, unit)
        assert seen is not None
        assert led is not None
        assert seen.fields["manager"] == boss
        assert led.fields["managers"] == (boss,)

        tenant.confirmed(change(Op.UPDATE, Kind.PERSON, "person:2", {"manager": None}, person), key="m3")
        tenant.confirmed(change(Op.LINK, Kind.UNIT, "unit:1", {"managers": ()}, unit), key="m4")
        seen, led = tenant.look(Kind.PERSON, person), tenant.look(Kind.UNIT, unit)
        assert seen is not None
        assert led is not None
        assert not seen.fields.get("manager")
        assert not led.fields.get("managers")

    def test_a_department_is_renamed_and_moved_and_stays_itself(self, tenant: Tenant) -> None:
        first, second = tenant.make_unit(1), tenant.make_unit(2)

        tenant.confirmed(change(Op.UPDATE, Kind.UNIT, "unit:2", {"name": "Renamed", "parent": first}, second))

        seen = tenant.look(Kind.UNIT, second)
        assert seen is not None
        assert (seen.fields["name"], seen.fields["parent"]) == ("Renamed", first)
        assert seen.mark

    def test_10_every_check_gives_a_verdict(self, tenant: Tenant) -> None:
        async def verdicts() -> list[str]:
            return [str(verdict.standing) async for verdict in tenant.target.check()]

        assert tenant.run(verdicts())

    def test_03_a_role_is_observed_as_it_was_written(self, tenant: Tenant) -> None:
        role = tenant.make_role()
        assert tenant.role is not None

        seen = tenant.everything()[Kind.GROUP, role]

        assert seen == tenant.look(Kind.GROUP, role)
        assert dict(seen.fields) == dict(tenant.target.normalise(Kind.GROUP, tenant.role(1)))
        assert tenant.target.observed().proven

    def test_05_roles_given_twice_are_given_once(self, tenant: Tenant) -> None:
        role, person = tenant.make_role(), tenant.make_person(1, tenant.make_unit())

        tenant.give(person, role)
        tenant.give(person, role, again=True)

        assert tenant.roles_of(person) == {role}

    def test_07_roles_that_a_change_does_not_name_stay(self, tenant: Tenant) -> None:
        first, second, third = tenant.make_role(1), tenant.make_role(2), tenant.make_role(3)
        person = tenant.make_person(1, tenant.make_unit())
        tenant.give(person, first, second)

        tenant.give(person, third, taking=(second,))

        assert tenant.roles_of(person) == {first, third}

    def test_09_a_role_is_removed_from_everybody_and_removing_it_again_is_done(self, tenant: Tenant) -> None:
        role, person = tenant.make_role(), tenant.make_person(1, tenant.make_unit())
        tenant.give(person, role)
        remove = change(Op.REMOVE, Kind.GROUP, "group:1", {}, role)

        tenant.confirmed(remove, key="r1")
        tenant.confirmed(remove, key="r2")

        assert tenant.roles_of(person) == set()
        assert (Kind.GROUP, role) not in tenant.everything()

    def test_09_roles_are_taken_from_somebody_with_everything_else(self, tenant: Tenant) -> None:
        """A leaver who is put out of sight loses them with the same change."""
        role, person = tenant.make_role(), tenant.make_person(1, tenant.make_unit())
        tenant.give(person, role)
        holding = tenant.make_unit(2)
        gone = change(Op.OFFBOARD, Kind.PERSON, "person:1", {"departments": ({"unit": holding},)}, person)

        tenant.confirmed(replace(gone, fields=(*gone.fields, FieldChange(name="roles", before=(role,), after=()))))

        assert tenant.roles_of(person) == set()


def _units(seen: Observed) -> set[str]:
    entries = seen.fields["departments"]
    assert isinstance(entries, tuple | list)
    return {str(entry["unit"]) for entry in entries if isinstance(entry, dict)}


__all__ = ["TargetContract", "Tenant", "change"]
