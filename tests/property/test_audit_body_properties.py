"""The text of a record is canonical, whatever is said in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.audit.entries import Actor, AuditEntry, EntryType
from syncd.audit.log import AuditLog, ValuesRule
from syncd.core.errors import Place
from syncd.core.ledger import AuditRow
from syncd.core.model import ChangeId, FieldChange, Op, SubjectId
from syncd.core.values import Value, canonical

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACTOR = Actor(user='who"ever', service="syncd sync", host="示例", pid=7)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.builds(
    FieldChange,
    name=texts,
    before=values,
    after=values,
    rule=st.builds(Place, file=texts, line=st.integers(0, 99), column=st.integers(0, 99)),
)
entries = st.builds(
    AuditEntry,
    type=st.sampled_from(EntryType),
    change=st.none() | texts.map(ChangeId),
    subject=st.none() | texts.map(SubjectId),
    label=texts,
    op=st.sampled_from(Op) | st.just(""),
    reason=texts,
    fields=st.lists(fields, max_size=3).map(tuple),
    facts=st.dictionaries(texts, values, max_size=2),
)


class Kept:
    """Rows in memory, behind the port."""

    def __init__(self) -> None:
        self.rows: list[AuditRow] = []

    def tail(self, tx: None) -> tuple[int, bytes] | None:
        return (self.rows[-1].sequence, self.rows[-1].hash) if self.rows else None

    def append(self, tx: None, rows: list[AuditRow]) -> None:
        self.rows += rows


def written(said: list[AuditEntry], rule: ValuesRule) -> list[AuditRow]:
    kept = Kept()
    AuditLog(kept, actor=ACTOR, values=rule, key=b"k" * 16).append(None, said, at=NOON)  # type: ignore[arg-type]
    return kept.rows


@pytest.mark.parametrize("rule", ValuesRule)
@given(said=st.lists(entries, min_size=1, max_size=3))
def test_every_record_is_the_canonical_text_of_what_it_says(rule: ValuesRule, said: list[AuditEntry]) -> None:
    for row in written(said, rule):
        assert row.body == canonical(json.loads(row.body))


@given(entry=entries)
def test_a_record_says_what_the_entry_says_and_nothing_empty(entry: AuditEntry) -> None:
    (_, row) = written([entry], ValuesRule.FULL)

    told: dict[str, Value] = json.loads(row.body)

    plain = json.loads(canonical([[one.name, one.before, one.after, str(one.rule)] for one in entry.fields]))
    assert [list(map(one.get, ("name", "before", "after", "rule"))) for one in told.pop("fields", ())] == plain  # type: ignore[union-attr]
    assert told.pop("facts", {}) == json.loads(canonical(entry.facts))
    wanted = {
        "type": entry.type.value,
        "change": entry.change,
        "subject": entry.subject,
        "label": entry.label,
        "op": str(entry.op),
        "reason": entry.reason,
    }
    always = {"seq": 2, "at": "2026-11-22T12:00:00Z", "prev": row.prev.hex(), "actor": told["actor"]}
    assert told == always | {name: word for name, word in wanted.items() if word}
    assert told["actor"] == {"user": 'who"ever', "service": "syncd sync", "host": "示例", "pid": 7}
