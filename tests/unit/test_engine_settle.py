"""What an outcome means for the queue: an unknown one is read back, however it goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.core.model import Change, ChangeId, Kind, Lane, Op, RunId, SubjectId, TargetId
from syncd.core.outcome import Deferred
from syncd.engine.settle import settle
from syncd.engine.world import WriterTerms
from syncd.store.rows import QueuedChange, QueueState
from syncd.testing.memory import refusal

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "after", "state"),
    [(0, 2, QueueState.READY), (0, 300, QueueState.READY), (8, 2, QueueState.PARKED)],
    ids=["soon", "by the schedule", "given up"],
)
@pytest.mark.parametrize("unknown", [True, False])
def test_a_change_that_may_have_been_made_is_read_back_before_it_is_repeated(
    attempt: int, after: int, state: QueueState, unknown: bool
) -> None:
    change = Change(
        op=Op.UPDATE,
        subject=SubjectId("person:e1"),
        kind=Kind.PERSON,
        label="Example 1",
        reason="-",
        effects=(),
        lane=Lane.REST,
        rank=0,
        target_id=TargetId("e1"),
    )
    queued = QueuedChange(
        id=ChangeId("c1"),
        run_id=RunId("r1"),
        change=change,
        state=QueueState.RUNNING,
        attempt=attempt,
        again=False,
        due_at=NOW,
        problem=None,
        created_at=NOW,
        settled_at=None,
    )
    later = Deferred(problem=refusal("nobody answers"), retry_at=NOW + timedelta(seconds=after), read_back=unknown)
    settled = settle(
        queued,
        change,
        later,
        link=None,
        before=None,
        terms=WriterTerms(),
        now=NOW,
        mark="",
        whole=lambda _: (),
    )
    assert settled.settlement.state is state
    assert settled.settlement.again is unknown
