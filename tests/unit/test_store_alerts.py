"""The store keeps cases by episode, silences, and messages until each has come to an end; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from support.alerts import MINUTE, NOON
from syncd.core.alerting import Acknowledgement, Case, Found, News, Note, NoteState, Severity, Silence, Stage
from syncd.core.ports import Alert
from syncd.store import Store

CASE = Case(
    key="guard_held",
    rule="guard_held",
    severity=Severity.WARNING,
    stage=Stage.OPEN,
    episode=1,
    since=NOON - MINUTE,
    seen_at=NOON,
    found=(Found(id="leave-1", labels={"hold": "leave-1"}, since=NOON, words={"count": "9"}, who=("例",), number=9),),
    opened_at=NOON,
    told={"team": NOON},
    told_ids=("leave-1",),
    messages=1,
    acknowledged=Acknowledgement(by="ada", at=NOON, until=NOON + MINUTE, reason="looking"),
    openings=(NOON,),
)
NOTE = Note(
    id="one",
    channel="team",
    case="guard_held",
    episode=1,
    news=News.OPENED,
    alert=Alert(
        key="guard_held", severity="warning", title="例", text="a\nb", since=NOON, at=NOON, who=("例",), look=("x",)
    ),
    created_at=NOON,
    due_at=NOON,
    first=True,
)


def test_a_case_comes_back_as_it_was_kept(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.keep([CASE])
    with store.reading() as tx:
        assert tx.alerts.cases() == {"guard_held": CASE}


def test_of_each_key_the_last_episode_counts_and_all_are_remembered(store: Store) -> None:
    over = replace(CASE, stage=Stage.RESOLVED, resolved_at=NOON + MINUTE)
    again = replace(CASE, episode=2, stage=Stage.PENDING, seen_at=NOON + 2 * MINUTE)
    with store.transaction() as tx:
        tx.alerts.keep([CASE])
        tx.alerts.keep([over])
        tx.alerts.keep([again])
        assert tx.alerts.cases() == {"guard_held": again}
        assert tx.alerts.episodes(10) == [again, over]
        tx.alerts.drop([again])
        assert tx.alerts.cases() == {"guard_held": over}


def test_a_message_is_posted_once_and_waits_until_it_is_settled(store: Store) -> None:
    other = replace(NOTE, id="two", channel="boss")
    with store.transaction() as tx:
        assert tx.alerts.post([NOTE, NOTE]) == 1
        assert tx.alerts.post([other, NOTE]) == 1
        assert tx.alerts.post([]) == 0
        assert tx.alerts.waiting() == [NOTE, other]
        done = replace(NOTE, state=NoteState.DELIVERED, settled_at=NOON)
        tx.alerts.settle([done])
        assert (tx.alerts.waiting(), tx.alerts.history(10)) == ([other], [other, done])


def test_a_channel_is_deaf_from_its_first_failure_to_its_next_success(store: Store) -> None:
    failed = replace(NOTE, attempts=3, failed_at=NOON, code="NTF-001", what="Busy.", do="Wait.")
    fresh = replace(NOTE, id="two", case="disk_full")
    with store.transaction() as tx:
        tx.alerts.post([NOTE, fresh])
        assert tx.alerts.deaf() == ()
        tx.alerts.settle([failed])
        [deaf] = tx.alerts.deaf()
        assert (deaf.channel, deaf.since, deaf.attempts, deaf.waiting, deaf.code) == ("team", NOON, 3, 2, "NTF-001")
        tx.alerts.settle([replace(failed, state=NoteState.DELIVERED, settled_at=NOON)])
        assert tx.alerts.deaf() == ()


def test_silences_last_until_they_end(store: Store) -> None:
    one = Silence(id="s", matching="disk_*", by="ada", reason="moving", at=NOON, until=NOON + 60 * MINUTE)
    with store.transaction() as tx:
        tx.alerts.silence(one)
        assert tx.alerts.silences(NOON) == [one]
        assert tx.alerts.end_silence("s", at=NOON + MINUTE)
        assert not tx.alerts.end_silence("s", at=NOON + MINUTE)
        assert tx.alerts.silences(NOON + MINUTE) == []


@pytest.mark.parametrize("days", [1, -1])
def test_only_what_is_over_is_tidied_away(store: Store, days: int) -> None:
    over = replace(CASE, key="old", stage=Stage.RESOLVED, resolved_at=NOON)
    done = replace(NOTE, id="done")
    with store.transaction() as tx:
        tx.alerts.keep([CASE, over])
        tx.alerts.post([NOTE, done])
        tx.alerts.settle([replace(done, state=NoteState.DELIVERED, settled_at=NOON)])
        tx.alerts.tidy(before=NOON + timedelta(days=days))
        assert set(tx.alerts.cases()) == ({"guard_held"} if days > 0 else {"guard_held", "old"})
        assert [note.id for note in tx.alerts.history(10)] == (["one"] if days > 0 else ["done", "one"])
