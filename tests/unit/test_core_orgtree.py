"""The join: who is who, who wins, and whom a reference means."""

from __future__ import annotations

import uuid
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.correlation import JoinRules, Statement, new_subject, subject_for
from syncd.core.errors import Place
from syncd.core.matching import steps
from syncd.core.model import Kind, NativeId, Reason, SourceName, SubjectId
from syncd.core.orgtree import dependants, grow, merge
from syncd.core.values import Value

AD, HR = SourceName("ad"), SourceName("hr")
RULES = JoinRules(sources=(HR, AD), correlate=steps(["employeeNumber", "emails.work"]))


def person(source: SourceName, native_id: str, aliases: tuple[str, ...] = (), **facts: Value) -> Statement:
    named = {name.replace("__", "."): value for name, value in facts.items()}
    return Statement(source=source, native_id=NativeId(native_id), kind=Kind.PERSON, facts=named, aliases=aliases)


def unit(native_id: str, **facts: Value) -> Statement:
    return Statement(
        source=AD, native_id=NativeId(native_id), kind=Kind.UNIT, facts={"displayName": native_id, **facts}
    )


def test_records_with_one_employee_number_are_one_person_and_the_first_source_wins() -> None:
    tree = grow(
        [
            person(AD, "g1", employeeNumber="0042", title="Old", displayName="An"),
            person(HR, "h1", employeeNumber="0042", title="New"),
        ],
        RULES,
    )

    (one,) = tree.entities.values()
    assert one.facts["title"] == "New"
    assert one.facts["displayName"] == "An"
    assert one.origins["title"].source == HR
    assert one.records == ((AD, "g1"), (HR, "h1"))


def test_whose_word_on_who_works_counts_has_the_last_one_on_until_when() -> None:
    """The account expires; HR knows no end. And HR that says nothing of ends leaves them to the directory."""
    account = person(AD, "g1", employeeNumber="0042", active=True, endDate="2027-10-20")

    def end(**said: Value) -> Value:
        worker = replace(person(HR, "h1"), facts=said)
        return merge(SubjectId("person:1"), [account, worker], RULES).facts.get("endDate")

    assert end(active=True, endDate=None) is None
    assert end(active=True, endDate="2027-12-31") == "2027-12-31"
    assert end(active=True) == "2027-10-20"
    assert end(endDate=None) == "2027-10-20"
    asked = JoinRules(sources=(HR, AD), precedence={"endDate": (AD,)})
    worker = person(HR, "h1", active=True, endDate=None)
    assert merge(SubjectId("person:1"), [account, worker], asked).facts["endDate"] == "2027-10-20"


@given(
    st.dictionaries(
        st.sampled_from(["title", "displayName", "manager", "units"]), st.sampled_from([None, "", "An", "Budi"])
    ),
    st.dictionaries(st.sampled_from(["title", "displayName", "manager", "active"]), st.integers(1, 9)),
)
def test_whoever_has_one_record_is_who_they_would_be_beside_a_silent_one(
    facts: dict[str, Value], lines: dict[str, int]
) -> None:
    subject = SubjectId("person:1")
    rules = {name: Place(file="ad.yaml", line=line) for name, line in lines.items()}
    one = Statement(source=AD, native_id=NativeId("g"), kind=Kind.PERSON, facts=facts, origins=rules)

    alone, beside = merge(subject, [one], RULES), merge(subject, [one, person(HR, "h")], RULES)

    assert alone.facts == beside.facts
    assert dict(alone.origins) == dict(beside.origins)
    assert "employeeNumber" not in alone.origins


def test_a_record_of_a_source_that_has_no_say_says_nothing() -> None:
    tree = grow([person(SourceName("former"), "f", title="Ghost")], RULES)

    assert [one.facts for one in tree.entities.values()] == [{}]


def test_an_attribute_can_have_an_order_of_its_own() -> None:
    rules = JoinRules(sources=(HR, AD), correlate=steps(["employeeNumber"]), precedence={"title": (AD,)})

    tree = grow([person(AD, "g", employeeNumber="1", title="A"), person(HR, "h", employeeNumber="1", title="H")], rules)

    assert next(iter(tree.entities.values())).facts["title"] == "A"


def test_nothing_said_by_the_winner_leaves_room_for_the_next() -> None:
    tree = grow(
        [person(AD, "g", employeeNumber="1", title="A"), person(HR, "h", employeeNumber="1", title=None)], RULES
    )

    assert next(iter(tree.entities.values())).facts["title"] == "A"


def test_two_candidates_are_named_and_not_guessed() -> None:
    tree = grow(
        [
            person(HR, "h1", emails__work="x@example.com", displayName="First"),
            person(HR, "h2", emails__work="x@example.com", displayName="Second"),
            person(AD, "g", emails__work="X@example.com", displayName="Third"),
        ],
        RULES,
    )

    (aside,) = tree.asides
    assert aside.reason is Reason.AMBIGUOUS
    assert "First, Second" in aside.why or "Second, First" in aside.why
    assert len(tree.entities) == 2


def test_a_join_once_made_is_kept_when_the_number_changes() -> None:
    kept = SubjectId("person:kept")
    old = Statement(source=AD, native_id=NativeId("g"), kind=Kind.PERSON, facts={"employeeNumber": "2"}, subject=kept)

    tree = grow([old, person(HR, "h", employeeNumber="1")], RULES)

    assert len(tree.entities) == 2
    assert kept in tree.entities


def test_a_manager_is_found_by_alias_in_any_case() -> None:
    boss = person(AD, "g1", aliases=("CN=Boss,DC=example",), displayName="Boss")
    one = person(AD, "g2", manager="cn=boss,dc=EXAMPLE", displayName="One")

    tree = grow([boss, one], RULES)

    assert tree.entities[new_subject(one)].facts["manager"] == new_subject(boss)


def test_a_manager_whom_nobody_knows_is_reported_and_not_dropped() -> None:
    one = person(AD, "g2", manager="CN=Nobody", displayName="One")

    tree = grow([one], RULES)

    entity = tree.entities[new_subject(one)]
    assert "manager" not in entity.facts
    assert entity.unresolved == {"manager": ("CN=Nobody",)}
    assert [problem.code for problem in tree.warnings] == ["REC-004"]


def test_a_reference_can_name_an_attribute_of_the_other() -> None:
    rules = JoinRules(sources=(HR,), refers={HR: {Kind.PERSON: {"manager": "employeeNumber"}}})
    boss = person(HR, "row1", employeeNumber="0001")
    one = person(HR, "row2", employeeNumber="0002", manager="0001")

    tree = grow([boss, one], rules)

    assert tree.entities[new_subject(one)].facts["manager"] == new_subject(boss)


def test_circles_of_units_are_left_aside_and_circles_of_managers_are_told() -> None:
    units = [unit("a", parent="b"), unit("b", parent="a"), unit("c")]
    people = [person(AD, "p", manager="q", displayName="P"), person(AD, "q", manager="p", displayName="Q")]

    tree = grow([*units, *people], RULES)

    assert {problem.code for problem in tree.warnings} == {"REC-002", "REC-003"}
    assert len([aside for aside in tree.asides if aside.kind is Kind.UNIT]) == 2
    assert [entity.label for entity in tree.of(Kind.UNIT)] == ["c"]


def test_depth_counts_from_the_top_of_each_root() -> None:
    units = [unit("root"), unit("child", parent="root"), unit("grandchild", parent="child"), unit("other")]

    tree = grow(units, RULES)

    assert {tree.entities[one].label: depth for one, depth in tree.depth.items()} == {
        "root": 0,
        "child": 1,
        "grandchild": 2,
        "other": 0,
    }
    assert [entity.label for entity in tree.path(new_subject(units[2]))] == ["root", "child", "grandchild"]


def test_members_that_a_unit_names_become_their_own_units() -> None:
    one = person(AD, "p", displayName="P")
    team = Statement(
        source=AD,
        native_id=NativeId("team"),
        kind=Kind.UNIT,
        facts={"displayName": "Team", "members": ("p",)},
        origins={},
    )

    tree = grow([one, team], RULES)

    assert tree.entities[new_subject(one)].facts["units"] == (new_subject(team),)


def test_a_renamed_unit_wakes_everybody_below_it() -> None:
    top, low = unit("top"), unit("low", parent="top")
    one = person(AD, "p", units=("low",), displayName="P")
    tree = grow([top, low, one], RULES)

    assert dependants(tree, [new_subject(top)]) == {new_subject(low), new_subject(one)}


@given(
    st.permutations(
        [person(AD, str(number), employeeNumber=str(number % 3), manager=str((number + 1) % 5)) for number in range(5)]
    )
)
def test_the_order_of_statements_does_not_matter(statements: list[Statement]) -> None:
    ordered = sorted(statements, key=lambda one: one.native_id)

    assert grow(statements, RULES) == grow(ordered, RULES)


@given(st.text())
def test_a_record_gives_the_subject_that_it_always_gave(native_id: str) -> None:
    namespace = uuid.UUID("5b0a1c52-2b5f-5c55-9d1e-6f2f8f0a7d11")
    named = uuid.uuid5(namespace, f"hr/person/{native_id}").hex[:20]

    assert subject_for(SourceName("hr"), Kind.PERSON, NativeId(native_id)) == f"person:{named}"
