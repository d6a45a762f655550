"""The contract suite of targets that know external contacts: the rules of `Target` for them, under the same numbers.

Subclass `ContactContract` instead of `TargetContract`: it holds that, too. `Tenant.contact` says what an acceptable contact is.
"""

from __future__ import annotations

from syncd.core.model import Kind, Op
from syncd.core.outcome import Applied, Rejected
from syncd.testing.target import TargetContract
from syncd.testing.tenant import Tenant, change


class ContactContract(TargetContract):
    """Subclass me, and give me a fixture `tenant` whose `contact` is filled."""

    def test_03_a_contact_is_observed_as_it_was_written(self, tenant: Tenant) -> None:
        follower = tenant.make_person(1, tenant.make_unit())
        contact = tenant.make_contact(1, follower)
        assert tenant.contact is not None
        wanted = {**tenant.target.normalise(Kind.CONTACT, tenant.contact(1)), "follower": follower}

        seen = tenant.everything()[Kind.CONTACT, contact]

        assert seen == tenant.look(Kind.CONTACT, contact)
        assert {name: seen.fields.get(name) for name in wanted} == wanted
        assert tenant.target.observed().proven, tenant.target.observed().doubts

    def test_05_a_contact_made_twice_with_one_key_is_one_contact(self, tenant: Tenant) -> None:
        make = tenant.contact_made_by(1, tenant.make_person(1, tenant.make_unit()))

        first = tenant.apply(make, key="k1")
        second = tenant.apply(make, key="k1", again=True)

        assert isinstance(first, Applied), first
        assert isinstance(second, Applied), second
        assert first.target_id == second.target_id
        assert [target_id for kind, target_id in tenant.everything() if kind is Kind.CONTACT] == [first.target_id]

    def test_05_an_account_takes_the_place_of_a_contact_however_often_it_is_made(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        contact = tenant.make_contact(1, tenant.make_person(1, unit))
        fields = {**tenant.person(2), "departments": ({"unit": unit},)}
        make = change(Op.CREATE, Kind.PERSON, "person:901", fields, contact)

        first = tenant.apply(make, key="k1")
        assert tenant.look(Kind.CONTACT, contact) is None
        second = tenant.apply(make, key="k1", again=True)

        assert isinstance(first, Applied), first
        assert isinstance(second, Applied), second
        assert first.target_id == second.target_id
        assert tenant.look(Kind.PERSON, first.target_id) is not None
        assert Kind.CONTACT not in {kind for kind, _ in tenant.everything()}

    def test_05_a_contact_stays_while_the_account_that_takes_its_place_is_refused(self, tenant: Tenant) -> None:
        unit = tenant.make_unit()
        contact = tenant.make_contact(1, tenant.make_person(1, unit))
        fields = {**tenant.person(2), "mobile": tenant.person(1)["mobile"], "departments": ({"unit": unit},)}

        outcome = tenant.apply(change(Op.CREATE, Kind.PERSON, "person:901", fields, contact))

        assert isinstance(outcome, Rejected), outcome
        assert tenant.look(Kind.CONTACT, contact) is not None

    def test_07_fields_of_a_contact_that_are_not_named_are_not_touched(self, tenant: Tenant) -> None:
        contact = tenant.make_contact(1, tenant.make_person(1, tenant.make_unit()))
        before = tenant.look(Kind.CONTACT, contact)

        tenant.confirmed(change(Op.UPDATE, Kind.CONTACT, "person:901", {"title": "Another Title"}, contact))

        after = tenant.look(Kind.CONTACT, contact)
        assert before is not None
        assert after is not None
        assert {**before.fields, "title": "Another Title"} == after.fields

    def test_09_removing_a_contact_that_is_gone_already_is_applied(self, tenant: Tenant) -> None:
        contact = tenant.make_contact(1, tenant.make_person(1, tenant.make_unit()))
        remove = change(Op.REMOVE, Kind.CONTACT, "person:901", target_id=contact)

        tenant.confirmed(remove, key="r1")
        tenant.confirmed(remove, key="r2")

        assert tenant.look(Kind.CONTACT, contact) is None


__all__ = ["ContactContract"]
