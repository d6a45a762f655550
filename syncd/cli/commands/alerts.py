"""`syncd alerts`: what people on call are told, what an operator does about it, and whether they can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from syncd.cli.session import Session
    from syncd.core.alerting import Case
    from syncd.core.errors import Problem
    from syncd.core.ports import Alert

NO_ALERT: Final = message(
    "CLI-210",
    what="There is no open alert {key!r}.",
    do="`syncd alerts list` shows the open ones; the rule's name, or the beginning of the key, is enough if it is the only one.",
    example="syncd alerts ack disk_ful",
)
SEVERAL_ALERTS: Final = message(
    "CLI-211",
    what="{key!r} is said of {count} alerts: {keys}.",
    do="Write more of the key.",
    example="syncd alerts ack source_unreachable",
)
NO_SILENCE: Final = message(
    "CLI-212",
    what="There is no silence {id!r} that lasts.",
    do="`syncd alerts list` shows the silences.",
    example="syncd alerts silence --end 00000000",
)
NO_LENGTH: Final = message(
    "CLI-213",
    what="{text!r} is not a length of time.",
    do="Write a number and a unit: 30m, 4h, 2d.",
    example="syncd alerts silence backlog --for tonight --reason migration",
)
NO_CHANNEL: Final = message(
    "CLI-214",
    what="There is no channel {name!r}.",
    do="The channels of `alerts.channels` in syncd.yaml are: {known}.",
    example="syncd alerts test pagerdutty",
)
NOTHING_TO_SILENCE: Final = message(
    "CLI-215",
    what="It is not said what to silence.",
    do="Name a rule or the key of an alert (`*` stands for anything), or --end with the id of a silence.",
    example="syncd alerts silence --reason migration",
)


@click.group("alerts")
def command() -> None:
    """List, acknowledge, silence and try alerts.

    Alerts are opened and resolved by the service (`syncd run`), by rules over how syncd stands. What is decided here is in effect
    at its next look, a few seconds later.
    """


@teach(
    "list",
    examples=(
        ("syncd alerts list", "Show what is wrong now, since when, and who was told."),
        ("syncd alerts list --json | jq '.alerts[] | select(.severity == \"critical\") | .key'", "For a script."),
    ),
)
def list_(call: Call) -> None:
    """Show the alerts that are open or about to open, and the silences."""
    from syncd.cli.telling.alerts import case_rows, tell_cases

    with call.session() as session:
        now = session.now()
        with session.store.reading() as tx:
            cases = [case for case in tx.alerts.cases().values() if case.resolved_at is None]
            silences, deaf = tx.alerts.silences(now), tx.alerts.deaf()
        watched = session.store.served()
        rows = case_rows(_sorted(cases), session.settings.alerts)
        value = {"alerts": rows, "silences": silences, "failing_channels": deaf, "watched": watched}
        call.out.show(value, lambda out: tell_cases(out, rows, silences, deaf, now=now, watched=watched))


@teach(
    "rules",
    examples=(
        ("syncd alerts rules", "Show the rules that apply, and who is told."),
        ("syncd alerts rules --json | jq '.rules[].name'", "The names, for a script."),
    ),
)
def rules(call: Call) -> None:
    """Show the rules that apply: those that syncd brings, changed by the file of `alerts.rules`."""
    from syncd.cli.telling.alerts import rule_row, tell_rules
    from syncd.engine.alerting import policy_of

    with call.session() as session:
        policy = policy_of(session.settings.alerts)
        rows = [rule_row(rule, policy) for rule in policy.rules.values()]
        call.out.show({"rules": rows}, lambda out: tell_rules(out, rows))


@teach(
    "ack",
    examples=(
        ("syncd alerts ack source_unreachable --reason 'rebooting dc1'", "Take it up: no repetition, no escalation."),
        ("syncd alerts ack disk_low --for 4h", "For four hours; then it is told again if it still lasts."),
    ),
)
@click.argument("keys", metavar="KEY…", nargs=-1, required=True)
@click.option("--for", "for_", metavar="LENGTH", help="How long it counts [default: until it is over].")
@click.option("--reason", default="taken up", show_default=True, help="What you do about it; the audit log keeps it.")
def ack(call: Call, *, keys: Sequence[str], for_: str | None, reason: str) -> None:
    """Acknowledge alerts: somebody has taken them up.

    They are not told again and not escalated until they are over. The end is told as usual.
    """
    from dataclasses import replace

    from syncd.cli.operating import operating
    from syncd.core.alerting import Acknowledgement

    length = _length(for_)
    with call.session() as session, operating(session, "alerts ack", reason=reason, alone=False) as operation:
        known = operation.tx.alerts.cases()
        until = operation.at + length if length else None
        taken = Acknowledgement(by=operation.by, at=operation.at, until=until, reason=operation.reason)
        done = [replace(_find(known, key), acknowledged=taken) for key in keys]
        operation.tx.alerts.keep(done)
        for case in done:
            operation.log(facts={"alert": case.key, "episode": case.episode})
    named = ", ".join(case.key for case in done)
    call.out.show({"acknowledged": done}, lambda out: out.say(f"Acknowledged in the name of {taken.by}: {named}."))


@teach(
    "silence",
    examples=(
        ("syncd alerts silence backlog --for 4h --reason 'reorganisation tonight'", "Nobody is told of this rule."),
        ("syncd alerts silence 'source_*{source=hr}' --for 2d --reason 'HR migrates'", "Of one source."),
        ("syncd alerts silence --end 1a2b3c4d --reason 'done early'", "End a silence."),
    ),
)
@click.argument("matching", metavar="[RULE|KEY]", required=False)
@click.option("--for", "for_", metavar="LENGTH", default="2h", show_default=True, help="How long it is silent.")
@click.option("--end", metavar="ID", help="End this silence instead.")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def silence(call: Call, *, matching: str | None, for_: str, end: str | None, reason: str) -> None:
    """Tell nobody of some alerts for a while: of a rule, or of keys (`*` stands for anything).

    They are followed all the same, and told afterwards if they still last.
    """
    from syncd.cli.operating import operating

    length = _length(for_)
    if not matching and not end:
        raise Stopped(ExitCode.USAGE, [NOTHING_TO_SILENCE.at()])
    with call.session() as session, operating(session, "alerts silence", reason=reason, alone=False) as operation:
        if end:
            if not operation.tx.alerts.end_silence(end, at=operation.at):
                raise Stopped(ExitCode.CONFIGURATION, [NO_SILENCE.at(id=end)])
            operation.log(facts={"silence": end, "ended": True})
            value: dict[str, Any] = {"ended": end}
            said = f"The silence {end} is over."
        else:
            assert matching is not None
            assert length is not None
            made = _silence(matching, operation, length)
            operation.tx.alerts.silence(made)
            operation.log(facts={"silence": made.id, "matching": made.matching, "seconds": int(length.total_seconds())})
            value = {"silence": made}
            said = f"Silent until {made.until:%Y-%m-%d %H:%M} UTC: {made.matching} (silence {made.id})."
    call.out.show(value, lambda out: out.say(said))


@teach(
    "history",
    examples=(
        ("syncd alerts history", "Show what was wrong lately, for how long, and what became of each message."),
        ("syncd alerts history guard_held -n 5", "The last five times of one rule or key."),
    ),
)
@click.argument("matching", metavar="[RULE|KEY]", required=False)
@click.option("-n", "number", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
def history(call: Call, *, matching: str | None, number: int) -> None:
    """Show past and present alerts, newest first, with their messages."""
    from syncd.cli.telling.alerts import case_rows, note_row, tell_history

    with call.session() as session:
        with session.store.reading() as tx:
            wide = number if matching is None else 100_000
            cases, notes = tx.alerts.episodes(wide), tx.alerts.history(wide * 10)
        cases = [case for case in cases if matching in (None, case.key, case.rule)][:number]
        shown = {(case.key, case.episode) for case in cases}
        rows = case_rows(cases, session.settings.alerts)
        told = [note_row(note) for note in notes if (note.case, note.episode) in shown]
        value = {"alerts": rows, "messages": told}
        call.out.show(value, lambda out: tell_history(out, rows, told, now=session.now()))


@teach(
    "test",
    examples=(
        ("syncd alerts test", "Send a test message to every channel, and close it."),
        ("syncd alerts test oncall --json", "To one channel; the JSON shows what a webhook or command is given."),
    ),
)
@click.argument("channels", metavar="[CHANNEL…]", nargs=-1)
def test(call: Call, *, channels: Sequence[str]) -> ExitCode:
    """Try channels: a test message, and then its end. Ends with 3 if one does not take it.

    Messages are sent at once and are not part of the history.
    """
    import asyncio

    from syncd.cli.telling.alerts import verdict_of
    from syncd.engine.alerting import wording_of

    with call.session() as session:
        settings = session.settings.alerts
        wanted = list(dict.fromkeys(channels or settings.channels))
        for name in wanted:
            if name not in settings.channels:
                known = ", ".join(settings.channels) or "none"
                raise Stopped(ExitCode.USAGE, [NO_CHANNEL.at(name=name, known=known)])
        wording, now = wording_of(settings), session.now()
        trial, end = wording.trial(now=now), wording.trial(now=now, resolved=True)
        found = {name: asyncio.run(_tried(session, name, (trial, end))) for name in wanted}
        if not call.json:
            for name, problem in found.items():
                call.out.verdict(verdict_of(name, problem))
        rows = [{"channel": name, "problem": problem} for name, problem in found.items()]
        value = {"alert": trial, "channels": rows}
        call.out.show(value, lambda out: None if wanted else out.say("No channel is configured: alerts.channels."))
    return ExitCode.CONFIGURATION if any(found.values()) else ExitCode.DONE


for one in (list_, rules, ack, silence, history, test):
    command.add_command(one)


async def _tried(session: Session, name: str, alerts: Sequence[Alert]) -> Problem | None:
    """Send alerts to a channel; return what kept one of them out."""
    from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, TryAgain
    from syncd.engine.alerting import PATIENCE, SLOW, send

    try:
        for alert in alerts:
            await send(lambda: session.sink(name), alert)
    except (NeedsHuman, TryAgain, OutcomeUnknown) as error:
        return error.problem
    except Misconfigured as error:
        return error.problems[0]
    except TimeoutError:
        return SLOW.at(name=name, seconds=round(PATIENCE.total_seconds()))
    return None


def _sorted(cases: Sequence[Case]) -> list[Case]:
    """Return cases, the gravest first, then the oldest."""
    from syncd.core.alerting import Severity

    order = list(reversed(Severity))
    return sorted(cases, key=lambda case: (order.index(case.severity), case.since, case.key))


def _find(known: dict[str, Case], key: str) -> Case:
    """Return the open alert that a key, the only beginning of one, or a rule names. Raises Stopped."""
    from syncd.core.alerting import Stage

    still = {name: case for name, case in known.items() if case.stage is not Stage.RESOLVED}
    if key in still:
        return still[key]
    found = [case for name, case in still.items() if name.startswith(key)]
    if not found:
        raise Stopped(ExitCode.CONFIGURATION, [NO_ALERT.at(key=key)])
    if len(found) > 1:
        keys = ", ".join(case.key for case in found[:5])
        raise Stopped(ExitCode.CONFIGURATION, [SEVERAL_ALERTS.at(key=key, count=len(found), keys=keys)])
    return found[0]


def _silence(matching: str, operation: Any, length: timedelta) -> Any:
    import secrets

    from syncd.core.alerting import Silence

    return Silence(
        id=secrets.token_hex(4),
        matching=matching,
        by=operation.by,
        reason=operation.reason,
        at=operation.at,
        until=operation.at + length,
    )


def _length(text: str | None) -> timedelta | None:
    from syncd.cli.moments import length

    if text is None:
        return None
    if (found := length(text)) is None:
        raise Stopped(ExitCode.USAGE, [NO_LENGTH.at(text=text)])
    return found
