"""External contacts in the sandbox, over HTTP: refused with words that help, and read back where an answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from servers.dingtalk import Company, change, companies
from servers.dingtalk import person as example
from syncd.core.model import Change, Kind, Op, TargetId
from syncd.core.outcome import Applied, Deferred, Rejected
from syncd.core.values import Value
from syncd_dingtalk.sandbox.faults import Fault, FaultKind

CREATE, UPDATE, DELETE = (f"/topapi/extcontact/{word}" for word in ("create", "update", "delete"))
WANTED = {Kind.CONTACT: frozenset({"name", "mobile", "labels", "follower"})}


@pytest.fixture
def company() -> Iterator[Company]:
    with companies(WANTED) as opening:
        yield opening(timeout=10)


@pytest.fixture
def follower(company: Company) -> TargetId:
    return company.person(1, company.unit())


def make(follower: str, number: int = 1, **fields: Value) -> Change:
    whole: dict[str, Value] = {
        "name": f"Example Partner {number}",
        "mobile": f"+62-8120000{number:04}",
        "labels": ("Partner",),
        "follower": follower,
        "company": "Example Partners Ltd",
    }
    return change(Op.CREATE, Kind.CONTACT, f"person:{number + 900}", **{**whole, **fields})


def contact(company: Company, follower: str, number: int = 1) -> TargetId:
    outcome = company.apply(make(follower, number))
    assert isinstance(outcome, Applied), outcome
    return outcome.target_id


def update(target_id: TargetId, **fields: Value) -> Change:
    return change(Op.UPDATE, Kind.CONTACT, "person:901", target_id, **fields)


def test_what_was_written_is_what_is_seen_and_a_calling_code_goes_by_itself(company: Company, follower: str) -> None:
    made = contact(company, follower)

    (stored,) = company.tenant.contacts.values()
    (seen,) = [one for one in company.everything() if one.kind is Kind.CONTACT]
    assert (stored.state_code, stored.mobile) == ("62", "81200000001")
    assert (seen.target_id, seen.fields["mobile"], seen.fields["labels"]) == (made, "+62-81200000001", ("Partner",))
    assert company.run(company.target.look(Kind.CONTACT, made)) == seen


def test_more_than_one_page_of_contacts_is_read_whole(company: Company, follower: str) -> None:
    first = contact(company, follower)
    whole = company.tenant.contacts[first]
    for number in range(250):
        company.tenant.put("contacts", f"c{number}", replace(whole, userid=f"c{number}", mobile=f"8{number:09}"))

    assert sum(one.kind is Kind.CONTACT for one in company.everything()) == 251


@pytest.mark.parametrize("applied", [True, False])
def test_a_creation_whose_answer_was_lost_makes_one_contact(company: Company, follower: str, applied: bool) -> None:
    company.fail(Fault(kind=FaultKind.RESET, interface=CREATE, applied=applied, nth=1))

    outcome = company.settle(make(follower))

    assert isinstance(outcome, Applied)
    assert [one.userid for one in company.tenant.contacts.values()] == [outcome.target_id]


def test_removing_a_contact_is_done_when_it_is_gone_whoever_removed_it(company: Company, follower: str) -> None:
    made = contact(company, follower)
    gone = change(Op.REMOVE, Kind.CONTACT, "person:901", made)
    company.fail(Fault(kind=FaultKind.RESET, interface=DELETE, applied=True, nth=1))

    assert isinstance(company.settle(gone), Applied)
    assert company.tenant.contacts == {}
    assert isinstance(company.apply(gone), Applied)


def test_an_update_leaves_what_it_does_not_name(company: Company, follower: str) -> None:
    made = contact(company, follower)

    outcome = company.apply(update(made, title="Consultant", company=None))

    assert isinstance(outcome, Applied), outcome
    stored = company.tenant.contacts[made]
    assert (stored.title, stored.company_name, stored.name) == ("Consultant", "", "Example Partner 1")
    assert (stored.label_ids, stored.follower_user_id) == ((7_000_101,), follower)


def test_a_contact_that_somebody_deleted_is_told_of_and_not_made_by_an_update(company: Company, follower: str) -> None:
    made = contact(company, follower)
    company.tenant.drop("contacts", made)

    outcome = company.apply(update(made, title="Consultant"))

    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-090"


@pytest.mark.parametrize(
    ("label", "why"),
    [("Partners", "no label “Partners”"), ("Ordinary", "write Level/Ordinary or Region/Ordinary")],
)
def test_a_label_that_is_none_is_refused_with_what_to_write(
    company: Company, follower: str, label: str, why: str
) -> None:
    outcome = company.apply(make(follower, labels=(label,)))

    assert isinstance(outcome, Rejected)
    assert (outcome.problem.code, why in outcome.problem.what) == ("DNG-093", True)
    assert isinstance(company.apply(make(follower, labels=("Level/Ordinary", "Partner"))), Applied)


def test_a_number_that_another_contact_has_is_no_licence_to_write_onto_that_one(
    company: Company, follower: str
) -> None:
    made = contact(company, follower)

    outcome = company.apply(make(follower, name="Somebody Else"))

    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-091"
    assert company.tenant.contacts[made].name == "Example Partner 1"


def test_a_follower_who_is_not_there_yet_is_waited_for(company: Company) -> None:
    outcome = company.apply(make("nobody-yet"))

    assert isinstance(outcome, Deferred)
    assert (outcome.problem.code, outcome.whole_target) == ("DNG-094", False)


# --- an account in place of a contact ---------------------------------------------------------------------------------


def hire(company: Company, contact: TargetId) -> Change:
    return replace(example(5, company.unit(2)), target_id=contact)


@pytest.mark.parametrize("interface", ["/topapi/v2/user/create", DELETE])
@pytest.mark.parametrize("applied", [True, False])
def test_whatever_answer_is_lost_there_is_one_account_and_no_contact_in_the_end(
    company: Company, follower: str, interface: str, applied: bool
) -> None:
    hired = hire(company, contact(company, follower))
    company.fail(Fault(kind=FaultKind.RESET, interface=interface, applied=applied, nth=1))

    outcome = company.settle(hired)

    assert isinstance(outcome, Applied)
    assert outcome.target_id in company.tenant.live.users
    assert company.tenant.contacts == {}


def test_a_process_that_died_between_the_account_and_the_contact_is_finished_by_the_next(
    company: Company, follower: str
) -> None:
    made = contact(company, follower)
    hired = hire(company, made)
    assert isinstance(company.apply(replace(hired, target_id=None)), Applied)

    outcome = company.apply(hired, again=True)

    assert isinstance(outcome, Applied)
    assert company.calls("/topapi/v2/user/create") == 2  # the follower's and one more
    assert company.tenant.contacts == {}


def test_while_the_account_is_refused_the_contact_stays(company: Company, follower: str) -> None:
    made = contact(company, follower)
    hired = hire(company, made)
    taken = replace(
        hired, fields=tuple(replace(one, after="13800000001") if one.name == "mobile" else one for one in hired.fields)
    )
    outcome = company.apply(taken)

    assert isinstance(outcome, Rejected)
    assert set(company.tenant.contacts) == {made}


def test_whom_a_contact_is_shared_with_is_written_read_kept_and_emptied(company: Company, follower: str) -> None:
    unit = company.unit(2)
    made = company.apply(make(follower, share_depts=(unit,), share_users=(follower,)))
    assert isinstance(made, Applied), made

    company.apply(update(made.target_id, title="Consultant"))
    stored = company.tenant.contacts[made.target_id]
    assert (stored.share_dept_ids, stored.share_user_ids) == ((int(unit),), (follower,))
    seen = company.run(company.target.look(Kind.CONTACT, made.target_id))
    assert seen is not None
    assert (seen.fields["share_depts"], seen.fields["share_users"]) == ((unit,), (follower,))

    company.apply(update(made.target_id, share_depts=None, share_users=()))
    stored = company.tenant.contacts[made.target_id]
    assert (stored.share_dept_ids, stored.share_user_ids) == ((), ())
