"""What goes out to a channel that was down: the newest of each case, without forgetting that it was down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.alerts import MINUTE, NOON
from syncd.alerts.delivery import delivered, failed, round_of, tried
from syncd.core.alerting import News, Note, NoteState
from syncd.core.ports import Alert
from syncd_notify.messages import BUSY

PROBLEM = BUSY.at(host="chat.example.com", status=503)


def note(
    name: str, news: News = News.OPENED, *, case: str = "disk_full", first: bool = False, episode: int = 1
) -> Note:
    alert = Alert(key=case, severity="critical", title=name, text="", since=NOON, resolved=news is News.RESOLVED)
    return Note(
        id=name,
        channel="team",
        case=case,
        episode=episode,
        news=news,
        alert=alert,
        created_at=NOON,
        due_at=NOON,
        first=first,
    )


def test_messages_of_different_cases_go_out_in_order() -> None:
    waiting = [note("a", case="a"), note("b", case="b")]

    turn = round_of(waiting, now=NOON)
    assert (turn.due, turn.settled, turn.kept, turn.next_at) == (tuple(waiting), (), (), None)


def test_a_failure_waits_for_longer_each_time_and_for_what_the_channel_asks() -> None:
    one, waits = note("a"), []
    for _ in range(8):
        one = failed(tried(one), PROBLEM, now=NOON)
        waits.append(one.due_at - NOON)

    assert waits == [*(timedelta(seconds=s) for s in (30, 60, 120, 300, 600)), *[30 * MINUTE] * 3]
    assert failed(tried(note("a")), PROBLEM, now=NOON, after=10 * MINUTE).due_at == NOON + 10 * MINUTE
    assert (one.attempts, one.failed_at, one.code, one.state) == (8, NOON, "NTF-001", NoteState.WAITING)


def test_a_newer_message_takes_the_place_of_an_older_one_and_knows_how_often_it_failed() -> None:
    old = failed(tried(note("old", first=True)), PROBLEM, now=NOON)
    turn = round_of([old, note("new", News.REPEATED)], now=NOON + MINUTE)

    assert [(each.id, each.state) for each in turn.settled] == [("old", NoteState.OVERTAKEN)]
    [due] = turn.due
    assert (due.id, due.attempts, due.failed_at, due.due_at) == ("new", 1, NOON, old.due_at)
    assert turn.kept == turn.due, "what it inherited is kept before it is sent"


def test_the_end_of_what_was_never_attempted_is_not_told() -> None:
    turn = round_of([note("open", first=True), note("over", News.RESOLVED)], now=NOON)

    assert (turn.due, {each.state for each in turn.settled}) == ((), {NoteState.OVERTAKEN})


def test_the_end_of_what_may_have_been_heard_is_told() -> None:
    attempted = tried(note("open", first=True))
    turn = round_of([attempted, note("over", News.RESOLVED)], now=NOON + 10 * MINUTE)

    assert [each.id for each in turn.due] == ["over"]


def test_the_end_of_what_was_delivered_is_told() -> None:
    assert delivered(note("open"), now=NOON).state is NoteState.DELIVERED
    turn = round_of([note("again", News.REPEATED), note("over", News.RESOLVED)], now=NOON)

    assert [each.id for each in turn.due] == ["over"]


def test_what_is_not_due_yet_says_when_it_is() -> None:
    later = replace(note("a"), due_at=NOON + MINUTE)

    turn = round_of([later, note("b", case="b")], now=NOON)
    assert ([each.id for each in turn.due], turn.next_at) == (["b"], NOON + MINUTE)


def test_what_was_made_or_failed_by_a_clock_that_was_ahead_goes_out_at_once() -> None:
    ahead = NOON + timedelta(days=2)
    made = replace(note("made"), created_at=ahead, due_at=ahead)
    tried_then = failed(tried(note("failed", case="other")), PROBLEM, now=ahead)

    assert round_of([made, tried_then], now=NOON).due == (made, tried_then)
