"""What is written comes back equal: changes, plans, facts, problems, places, values."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.errors import MESSAGES, Message, Place, Problem, message
from syncd.core.model import (
    Aside,
    Change,
    Effect,
    FieldChange,
    Kind,
    Lane,
    Op,
    Plan,
    ProofFact,
    Reason,
    SubjectId,
    TargetId,
)
from syncd.core.ordering import essential
from syncd.core.outcome import Fact, FactType
from syncd.core.values import canonical
from syncd.store import codec
from syncd.store.columns import from_micros, micros
from syncd.store.filing import change_digest, decode_change, encode_change, filed
from syncd.store.rows import Told

KNOWN = message("TST-910", what="{who} has {count} {thing}.", do="Ask {who}.", example="-")

texts = st.text(max_size=20)
numbers = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    texts | numbers | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
places = st.builds(Place, file=texts, line=st.integers(0, 9999), column=st.integers(0, 200))
subjects = st.builds(SubjectId, texts)
fields = st.builds(FieldChange, name=texts, before=values, after=values, rule=places)
changes = st.builds(
    Change,
    op=st.sampled_from(Op),
    subject=subjects,
    kind=st.sampled_from(Kind),
    label=texts,
    reason=texts,
    effects=st.lists(st.sampled_from(Effect), max_size=3).map(tuple),
    lane=st.sampled_from(Lane),
    rank=st.integers(0, 10_000),
    target_id=st.none() | st.builds(TargetId, st.text(min_size=1, max_size=9)),
    fields=st.lists(fields, max_size=3).map(tuple),
    needs=st.lists(subjects, max_size=3).map(tuple),
    after=st.lists(subjects, max_size=3).map(tuple),
    since=st.none() | instants,
)
words = st.fixed_dictionaries(
    {"who": texts, "count": st.integers(0, 10**9), "thing": texts | st.none() | st.booleans()}
)
problems = st.builds(Problem, message=st.just(KNOWN), place=places, words=words)
asides = st.builds(
    Aside,
    reason=st.sampled_from(Reason),
    kind=st.sampled_from(Kind),
    name=texts,
    label=texts,
    problems=st.lists(problems, max_size=2).map(tuple),
    why=texts,
)
plans = st.builds(
    Plan,
    fingerprint=texts,
    changes=st.lists(changes, max_size=3).map(tuple),
    aside=st.lists(asides, max_size=3).map(tuple),
    warnings=st.lists(problems, max_size=2).map(tuple),
    unmanaged=st.integers(0, 10**6),
    population=st.dictionaries(texts, st.integers(0, 10**6), max_size=3),
    units=st.dictionaries(subjects, st.integers(0, 10**6), max_size=3),
)


@given(changes)
def test_a_change_comes_back_equal(change: Change) -> None:
    assert decode_change(encode_change(change)) == change


@given(changes)
def test_a_change_that_was_stored_with_its_rules_in_its_fields_comes_back_equal(change: Change) -> None:
    assert decode_change(codec.encode(codec.change_json(change))) == change


@given(changes)
def test_a_change_is_filed_with_what_the_fingerprint_takes_of_it(change: Change) -> None:
    assert filed(change).essence == essential(change)


@given(plans)
def test_a_plan_comes_back_equal(plan: Plan) -> None:
    assert codec.decode_plan(codec.encode_plan(plan)) == plan


@given(st.dictionaries(texts, values, max_size=5))
def test_values_come_back_equal_and_are_written_in_one_way(row: dict[str, object]) -> None:
    stored = codec.encode(row)

    assert codec.decode_values(stored) == row
    assert codec.encode(dict(reversed(row.items()))) == stored
    assert json.loads(stored) == json.loads(canonical(row))  # type: ignore[arg-type]


@given(
    st.builds(
        Fact,
        sequence=st.integers(1, 10**9),
        at=instants,
        type=st.sampled_from(FactType),
        subject=subjects,
        kind=st.sampled_from(Kind),
        target_id=st.builds(TargetId, texts),
        label=texts,
        fields=st.lists(fields, max_size=3).map(tuple),
    )
)
def test_a_fact_comes_back_equal(fact: Fact) -> None:
    assert codec.decode_fact(codec.encode_fact(fact), sequence=fact.sequence) == fact


@given(st.dictionaries(texts, places, max_size=4), st.lists(problems, max_size=3))
def test_places_and_told_problems_come_back_equal(rules: dict[str, Place], found: list[Problem]) -> None:
    told = tuple(Told.of(problem) for problem in found)

    assert codec.decode_places(codec.encode_places(rules)) == rules
    assert codec.decode_told(codec.encode_told(told)) == told
    assert codec.decode_problems(codec.encode_problems(found)) == tuple(found)


@given(st.lists(st.builds(ProofFact, name=texts, holds=st.booleans(), detail=texts), max_size=4))
def test_proof_facts_come_back_equal(facts: list[ProofFact]) -> None:
    assert codec.decode_proof(codec.encode_proof(facts)) == tuple(facts)


@given(texts, texts, places)
def test_a_problem_whose_message_is_gone_still_says_what_it_said(what: str, do: str, place: Place) -> None:
    gone = Message(code="TST-999", what="{what}", do="{do}", example="")
    assert gone.code not in MESSAGES

    (back,) = codec.decode_problems(
        codec.encode_problems([Problem(message=gone, place=place, words={"what": what, "do": do})])
    )

    assert (back.code, back.what, back.do, back.place) == ("TST-999", what, do, place)


@given(instants)
def test_an_instant_is_kept_to_the_microsecond(at: datetime) -> None:
    assert from_micros(micros(at)) == at


@given(changes, changes)
def test_only_what_a_change_does_is_in_its_digest(change: Change, other: Change) -> None:
    def essence(one: Change) -> object:
        pairs = [(repr(field.name), repr(field.before), repr(field.after)) for field in one.fields]
        return (one.op, one.kind, one.target_id, one.effects, one.lane, pairs, one.needs, one.after)

    assert (change_digest(change) == change_digest(other)) == (essence(change) == essence(other))
