"""Who may be who: what is compared and how, what is certain, what is only proposed, and what people have said to be two."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.correlation import Correlated, JoinRules, Statement, correlated
from syncd.core.matching import Cause, Confidence, Verdict, compared, joint, steps, weigh
from syncd.core.model import Kind, NativeId, Reason, SourceName, SubjectId
from syncd.core.values import Value

AD, HR, PARTNERS = SourceName("ad"), SourceName("hr"), SourceName("partners")
HINTS = steps(["name.formatted + extra.birthDate"], Confidence.PROBABLE)
RULES = JoinRules(sources=(HR, AD, PARTNERS), correlate=(*steps(["employeeNumber", "phoneNumbers.mobile"]), *HINTS))


def person(source: SourceName, native_id: str, subject: str = "", /, **facts: Value) -> Statement:
    return Statement(
        source=source,
        native_id=NativeId(native_id),
        kind=Kind.PERSON,
        facts={name.replace("__", "."): value for name, value in facts.items()},
        subject=SubjectId(subject) if subject else None,
    )


def born(source: SourceName, native_id: str, subject: str = "", /, **facts: Value) -> Statement:
    return person(source, native_id, subject, name__formatted="Example Person", extra__birthDate="1990-01-31", **facts)


def proposed(found: Correlated) -> list[tuple[str, str, Cause]]:
    return [(one.pair.native_id, one.pair.subject, one.cause) for one in found.proposals]


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("emails.work", " An@Example.com", "an@example.COM"),
        ("phoneNumbers.mobile", "+62 812-0000-0001", "0062 812 0000 0001"),
        ("name.formatted", "José  Núñez", "jose nunez"),
        ("name.formatted", "ＬＩ Wei", "li wei"),
        ("displayName", "李伟", "李伟 "),
        ("employeeNumber", "e-042", "E-042"),
    ],
)
def test_one_value_in_two_spellings_is_compared_as_one(name: str, one: str, other: str) -> None:
    assert compared(name, one) == compared(name, other)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("employeeNumber", "0042", "42"),
        ("phoneNumbers.mobile", "+62812", "62812"),
        ("displayName", "李伟", "Li Wei"),
        ("emails.work", "a.b@example.com", "ab@example.com"),
    ],
)
def test_what_may_be_two_is_not_made_alike(name: str, one: str, other: str) -> None:
    assert compared(name, one) != compared(name, other)


@given(st.sampled_from(["displayName", "phoneNumbers.mobile", "emails.work", "extra.latin"]), st.text(max_size=20))
def test_the_form_in_which_values_are_compared_is_final(name: str, text: str) -> None:
    once = compared(name, text)
    assert compared(name, once) == once


def test_a_probable_match_is_proposed_and_stands_aside() -> None:
    found = correlated([born(HR, "h", "person:1"), born(AD, "g")], RULES)

    assert list(found.groups) == ["person:1"]
    assert proposed(found) == [("g", "person:1", Cause.PROBABLE)]
    (aside,) = found.asides
    assert (aside.reason, aside.problems[0].code) == (Reason.AMBIGUOUS, "REC-005")


def test_a_certain_match_needs_nobody_also_where_a_probable_one_fits_another() -> None:
    known = [born(HR, "h1", "person:1"), person(HR, "h2", "person:2", employeeNumber="2")]
    found = correlated([*known, born(AD, "g", employeeNumber="2")], RULES)

    assert [one.native_id for one in found.groups[SubjectId("person:2")]] == ["h2", "g"]
    assert found.proposals == ()


def test_attributes_that_must_agree_together_do_not_agree_alone() -> None:
    other = person(AD, "g", name__formatted="Example Person", extra__birthDate="1991-01-31")
    found = correlated([born(HR, "h", "person:1"), other, person(AD, "g2", name__formatted="Example Person")], RULES)

    assert found.proposals == ()
    assert len(found.groups) == 3


def test_two_who_fit_are_both_proposed() -> None:
    known = [person(HR, str(one), f"person:{one}", phoneNumbers__mobile="+62812") for one in (1, 2)]
    found = correlated([*known, person(AD, "g", phoneNumbers__mobile="+62 812")], RULES)

    assert proposed(found) == [("g", "person:1", Cause.SEVERAL), ("g", "person:2", Cause.SEVERAL)]
    assert [aside.problems[0].code for aside in found.asides] == ["REC-001"]


def test_a_single_source_can_have_steps_of_its_own() -> None:
    rules = JoinRules(
        sources=(HR, PARTNERS), correlate=steps(["employeeNumber"]), of={PARTNERS: steps(["emails.work"])}
    )
    known = person(HR, "h", "person:1", employeeNumber="1", emails__work="a@example.com")
    found = correlated(
        [known, person(PARTNERS, "p", emails__work="A@example.com"), person(PARTNERS, "q", employeeNumber="1")], rules
    )

    assert [one.native_id for one in found.groups[SubjectId("person:1")]] == ["h", "p"]
    assert len(found.groups) == 2


def test_who_was_said_to_be_two_stays_two_until_one_of_them_says_something_else() -> None:
    known, fresh = born(HR, "h", "person:1"), born(AD, "g")
    (proposal,) = correlated([known, fresh], RULES).proposals
    apart = {proposal.pair: proposal.digest}

    again = correlated([known, fresh], RULES, apart=apart)
    changed = correlated([known, born(AD, "g", phoneNumbers__mobile="+62812")], RULES, apart=apart)

    assert (again.proposals, again.asides, len(again.groups)) == ((), (), 2)
    assert proposed(changed) == [("g", "person:1", Cause.PROBABLE)]


def test_who_was_said_to_be_two_is_not_joined_by_a_number_either() -> None:
    known, fresh = person(HR, "h", "person:1", employeeNumber="1"), person(AD, "g", employeeNumber="1")
    (pair,) = correlated([known, born(HR, "h2", "person:2"), born(AD, "g")], RULES).proposals

    split = replace(pair.pair, subject=SubjectId("person:1"))
    apart = {split: joint(fresh.facts, [known.facts], RULES.names)}

    assert len(correlated([known, fresh], RULES, apart=apart).groups) == 2
    assert len(correlated([known, fresh], RULES).groups) == 1


def test_somebody_who_is_gone_and_may_be_back_is_proposed() -> None:
    found = correlated([born(AD, "new")], RULES, [born(AD, "old", "person:1")])

    assert proposed(found) == [("new", "person:1", Cause.PROBABLE)]


# --- several records of one source ------------------------------------------------------------------------------------


def contract(native_id: str, subject: str = "", /, **facts: Value) -> Statement:
    return person(HR, native_id, subject, employeeNumber="1", displayName="Example Person", **facts)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"endDate": "2026-10-31"}, {"hireDate": "2026-11-01"}),
        ({"endDate": "2026-11-20"}, {"hireDate": "2026-11-01"}),
        ({"endDate": "2020-01-31"}, {"hireDate": "2026-11-01"}),
        ({"active": False}, {"active": True}),
    ],
    ids=["the day after", "with a hand-over of days", "years later", "one is over"],
)
def test_a_record_that_follows_another_of_its_source_is_the_same_person(
    old: dict[str, Value], new: dict[str, Value]
) -> None:
    """Contingent to employee, or hired again: a new record of the same number and name."""
    found = correlated([contract("old", "person:1", **old), contract("new", **new)], RULES)

    assert [one.native_id for one in found.groups[SubjectId("person:1")]] == ["old", "new"]


def test_two_records_at_once_are_proposed_and_a_number_under_another_name_is_somebody_else() -> None:
    known = contract("old", "person:1")
    found = correlated([known, contract("new")], RULES)
    other = person(HR, "new", employeeNumber="1", displayName="Somebody Else")

    assert proposed(found) == [("new", "person:1", Cause.TWICE)]
    assert [aside.problems[0].code for aside in found.asides] == ["REC-006"]
    assert len(correlated([known, other], RULES).groups) == 2


# --- what speaks for and against --------------------------------------------------------------------------------------


def test_what_agrees_what_differs_and_what_only_one_says_is_told_apart() -> None:
    signs = weigh(
        {
            "displayName": "An",
            "title": "Clerk",
            "emails.work": "a@example.com",
            "endDate": None,
            "units": ("OU=Sales",),
        },
        [{"displayName": "AN", "title": "Cook", "units": ("4711",)}, {"title": "Chef", "employeeNumber": "1"}],
    )

    assert {sign.attribute: sign.verdict for sign in signs} == {
        "displayName": Verdict.FOR,
        "title": Verdict.AGAINST,
        "emails.work": Verdict.SILENT,
        "employeeNumber": Verdict.SILENT,
        "units": Verdict.SILENT,
    }
    assert next(sign.there for sign in signs if sign.attribute == "title") == ("Cook", "Chef")
