"""How alerts are told on a terminal: what is wrong, who was told, which rules apply. It prints; it decides nothing.

Here, at home, the people concerned are named whatever messages that leave the machine may say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.alerts.rules import Policy, Rule
from syncd.alerts.wording import SHOWN, Wording
from syncd.cli.telling.words import count, relative, some, span
from syncd.core.alerting import Case, Deaf, Note, NoteState, Silence, Stage
from syncd.core.ports import Standing, Verdict
from syncd.engine.alerting import policy_of, wording_of

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.config.alerting import AlertSettings
    from syncd.core.errors import Problem

Row = Mapping[str, Any]


def case_rows(cases: Sequence[Case], settings: AlertSettings) -> list[Row]:
    """Return alerts for both readers. Raises Misconfigured if the rules of alerts are wrong."""
    policy, wording = policy_of(settings), wording_of(settings)
    return [_case_row(case, policy, wording) for case in cases]


def _case_row(case: Case, policy: Policy, wording: Wording) -> Row:
    return {
        "key": case.key,
        "rule": case.rule,
        "episode": case.episode,
        "severity": case.severity,
        "stage": "clearing" if case.stage is Stage.OPEN and case.gone_at else case.stage,
        "title": wording.title(case, policy.rules.get(case.rule)),
        "since": case.since,
        "opened_at": case.opened_at,
        "resolved_at": case.resolved_at,
        "who": tuple(name for found in case.found for name in found.who)[:SHOWN],
        "number": case.number,
        "told": case.told,
        "hushed": case.hushed,
        "acknowledged": case.acknowledged,
        "escalated_at": case.escalated_at,
    }


def note_row(note: Note) -> Row:
    """Return a message for both readers."""
    return {
        "alert": note.case,
        "episode": note.episode,
        "channel": note.channel,
        "news": note.news,
        "title": note.alert.title,
        "state": note.state,
        "created_at": note.created_at,
        "settled_at": note.settled_at,
        "attempts": note.attempts,
        "due_at": note.due_at if note.state is NoteState.WAITING else None,
        "problem": {"code": note.code, "what": note.what, "do": note.do} if note.code else None,
    }


def rule_row(rule: Rule, policy: Policy) -> Row:
    """Return a rule for both readers."""
    needs = rule.word.needs
    lengthy = needs in ("after", "within")
    return {
        "name": rule.name,
        "when": rule.word.name,
        "measure": {needs: rule.measure.length if lengthy else rule.measure.number} if needs else {},
        "for": rule.for_,
        "clear": rule.clear,
        "severity": rule.severity,
        "group_by": rule.group_by,
        "inhibited_by": rule.inhibited_by,
        "channels": policy.routed(rule),
        "repeat": rule.repeat,
        "escalate": {"after": rule.escalate_after, "to": rule.escalate_to} if rule.escalate_after else None,
        "quiet_hours": rule.quiet_hours,
    }


def verdict_of(name: str, problem: Problem | None) -> Verdict:
    """Return one channel's line of `syncd alerts test`."""
    standing = Standing.FAILED if problem else Standing.OK
    return Verdict(
        name=name, standing=standing, seen="" if problem else "took the message and its end", problem=problem
    )


def tell_cases(
    out: Output, rows: Sequence[Row], silences: Sequence[Silence], deaf: Sequence[Deaf], *, now: datetime, watched: bool
) -> None:
    """Print what is wrong now."""
    if not watched:
        out.say("Nobody looks: alerts are opened by the service (`syncd run`), which is not running.", style="yellow")
    if not rows and watched:
        out.say("Nothing is wrong that a rule looks for.", style="green")
    elif rows:
        columns = ("Severity", "Stage", "Since", "What", "Told", "Key")
        out.table(columns, [(*_standing(row, now), _told(row), row["key"]) for row in rows])
    for row in rows:
        if row["who"]:
            out.say(f"{row['key']}: {some(row['who'])}")
    for one in silences:
        out.say(f"Silence {one.id}: {one.matching}, until {one.until:%Y-%m-%d %H:%M} UTC, by {one.by}: {one.reason}")
    for channel in deaf:
        out.say(
            f"The channel {channel.channel} has failed {count(channel.attempts, 'time')} since "
            f"{relative(channel.since, now)}: {channel.what} [{channel.code}]",
            style="yellow",
        )


def _standing(row: Row, now: datetime) -> tuple[object, ...]:
    return row["severity"], row["stage"], relative(row["since"], now), row["title"]


def _told(row: Row) -> str:
    """Say who was told, or why nobody was."""
    told = ", ".join(row["told"])
    if row["acknowledged"]:
        return f"{told}; taken up by {row['acknowledged'].by}".removeprefix("; ")
    if row["hushed"]:
        return f"{told}; {row['hushed']}".removeprefix("; ")
    return told or ("nobody yet" if row["stage"] == Stage.PENDING else "nobody: no channel takes it")


def tell_history(out: Output, rows: Sequence[Row], notes: Sequence[Row], *, now: datetime) -> None:
    """Print what was wrong, each with its messages."""
    if not rows:
        out.say("There was no alert.")
    for row in rows:
        end = f"over after {span(row['resolved_at'] - row['since'])}" if row["resolved_at"] else row["stage"]
        out.say(f"{relative(row['since'], now)}  {row['severity']}: {row['title']} ({end})  {row['key']}", style="bold")
        for note in notes:
            if (note["alert"], note["episode"]) == (row["key"], row["episode"]):
                out.say(f"    {relative(note['created_at'], now)}  {note['news']} → {note['channel']}: {_fate(note)}")


def _fate(note: Row) -> str:
    tries = f" after {count(note['attempts'], 'attempt')}" if note["attempts"] > 1 else ""
    why = f"; {note['problem']['what']} [{note['problem']['code']}]" if note["problem"] else ""
    return f"{note['state']}{tries}{why if note['state'] is not NoteState.DELIVERED else ''}"


def tell_rules(out: Output, rows: Sequence[Row]) -> None:
    """Print the rules that apply."""
    columns = ("Rule", "When", "Measure", "For", "Severity", "Told", "Again", "Explained by")
    out.table(columns, [_rule_cells(row) for row in rows])


def _rule_cells(row: Row) -> tuple[str, ...]:
    measure = " ".join(f"{name} {_said(value)}" for name, value in row["measure"].items())
    again = f"each {_said(row['repeat'])}" if row["repeat"] else "never"
    if row["escalate"]:
        again += f", {_said(row['escalate']['after'])} → {', '.join(row['escalate']['to'])}"
    told = ", ".join(row["channels"]) or "nobody"
    for_ = _said(row["for"]) if row["for"] else ""
    return row["name"], row["when"], measure, for_, row["severity"], told, again, ", ".join(row["inhibited_by"])


def _said(value: object) -> str:
    from datetime import timedelta

    from syncd.config.durations import spelled

    return spelled(value) if isinstance(value, timedelta) else f"{value:,}" if isinstance(value, int) else str(value)
