"""Terms on whose word counts: they decide the order and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.belief import Condition, WordTerms, too_old
from syncd.core.correlation import JoinRules, Statement
from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.core.orgtree import merge

SOURCES = tuple(map(SourceName, ("a", "b", "c")))
NAMES = ("title", "userType", "department")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
VALUES = st.sampled_from(["x", "X ", "y", "", None, True, 1])
FACTS = st.dictionaries(st.sampled_from(NAMES), VALUES)
SAID = st.dictionaries(st.sampled_from(SOURCES), FACTS, min_size=1)
CONDITIONS = st.builds(
    Condition,
    attribute=st.sampled_from(NAMES),
    wanted=st.lists(VALUES, min_size=1, max_size=2).map(tuple),
    source=st.none() | st.sampled_from(SOURCES),
)
AGES = st.none() | st.integers(0, 20).map(lambda days: timedelta(days=days))
TERMS = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(SOURCES)),
    st.builds(WordTerms, when=st.lists(CONDITIONS, max_size=2).map(tuple), max_age=AGES),
)
READS = st.fixed_dictionaries(
    {source: st.none() | st.integers(0, 30).map(lambda days: NOW - timedelta(days=days)) for source in SOURCES}
)
ORDERS = st.dictionaries(st.sampled_from(NAMES), st.permutations(SOURCES).map(tuple))
SUBJECT = SubjectId("person:1")


def said_by(said: dict[SourceName, dict[str, object]]) -> list[Statement]:
    return [
        Statement(source=source, native_id=NativeId("1"), kind=Kind.PERSON, facts=facts)  # type: ignore[arg-type]
        for source, facts in sorted(said.items())
    ]


@given(said=SAID, terms=TERMS, reads=READS, orders=ORDERS)
def test_the_first_source_with_a_value_wins_among_those_whose_terms_hold_and_then_among_the_others(
    said: dict[SourceName, dict[str, object]],
    terms: dict[tuple[str, SourceName], WordTerms],
    reads: dict[SourceName, datetime | None],
    orders: dict[str, tuple[SourceName, ...]],
) -> None:
    rules = JoinRules(sources=SOURCES, precedence=orders, terms=terms, old=too_old(terms, reads, NOW))
    entity = merge(SUBJECT, said_by(said), rules)

    def counts(name: str, source: SourceName) -> bool:
        one = terms.get((name, source), WordTerms())
        read = reads[source]
        fresh = one.max_age is None or (read is not None and NOW - read <= one.max_age)
        return fresh and all(condition.holds(source, said) for condition in one.when)  # type: ignore[arg-type]

    for name in {name for facts in said.values() for name in facts}:
        knows = [one for one in orders.get(name, SOURCES) if said.get(one, {}).get(name) is not None]
        best = next((one for one in knows if counts(name, one)), next(iter(knows), None))
        assert entity.facts[name] == (said[best][name] if best is not None else None)
        assert best is None or entity.origins[name].source == best


@given(said=SAID, terms=TERMS, orders=ORDERS)
def test_terms_neither_add_a_fact_nor_take_one_away(
    said: dict[SourceName, dict[str, object]],
    terms: dict[tuple[str, SourceName], WordTerms],
    orders: dict[str, tuple[SourceName, ...]],
) -> None:
    plain = JoinRules(sources=SOURCES, precedence=orders)
    everything_old = replace(plain, terms=terms, old=too_old(terms, {}, NOW))
    without, with_terms = (merge(SUBJECT, said_by(said), rules) for rules in (plain, everything_old))
    assert {name for name, value in without.facts.items() if value is not None} == {
        name for name, value in with_terms.facts.items() if value is not None
    }
    assert without.facts.keys() == with_terms.facts.keys()


def test_yes_is_not_one_and_case_does_not_count() -> None:
    own = SOURCES[0]

    def holds(value: object, *wanted: object) -> bool:
        return Condition(attribute="x", wanted=wanted).holds(own, {own: {"x": value}})  # type: ignore[arg-type,dict-item]

    assert holds(" employee", "Employee")
    assert holds(("staff", "intern"), "Intern")
    assert holds(None, None)
    assert holds("", None)
    assert not holds(True, 1)
    assert not holds(1, True)
    assert not holds(None, False)
