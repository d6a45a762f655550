"""`syncd check`: is everything right, one verdict a line. Offline it reads files; --online it also asks what they name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from syncd.cli.call import Call, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Misconfigured, NeedsHuman, Place, TryAgain, message
from syncd.core.ports import Sink, Source, Standing, Target, Trigger, Verdict

if TYPE_CHECKING:
    from syncd.cli.session import Session

_PLACEHOLDER: Final = message(
    "CLI-005",
    what="This place is still to be filled in (CHANGE-ME).",
    do="Write your own value and remove the comment.",
    example="app_key: CHANGE-ME  # CHANGE-ME",
)
_FOLDER: Final = message(
    "CLI-006",
    what="The state cannot be kept in {folder}: the folder cannot be written.",
    do="Give the account under which syncd runs the right to write there, or name another file in `state.url`.",
    example="state: {url: sqlite:////proc/syncd.db}",
)


_UNFILLED: Final = message(
    "CLI-235",
    what="`{setting}` does nothing: no rule of any source fills `{attribute}`.",
    do="Add a rule for `{attribute}` to the rules of a source that knows it, or take the setting out.",
    example="joiners: {ahead: 7d}  # and the rules do not say when somebody begins",
)


@teach(
    "check",
    examples=(
        ("syncd check", "Check the configuration, the rules and the secrets without reaching anything."),
        ("syncd check --online", "Also connect: certificates, sign-in, rights, the target's permissions and scope."),
        ("syncd check --online --json | jq -r '.verdicts[] | select(.standing != \"ok\")'", "Show what is not well."),
    ),
    exits=(ExitCode.SOURCE, ExitCode.TARGET),
)
@click.option(
    "--online",
    is_flag=True,
    help="Also reach sources, brokers, issuers of tokens, channels of alerts and the target. Nothing is written or sent.",
)
def command(call: Call, *, online: bool) -> ExitCode:
    """Check the configuration and the rules; with --online also everything they reach.

    Every mistake of the configuration and the rules is told with its file, line and column. Warnings leave the exit code at 0.
    """
    with call.session() as session:
        verdicts: list[tuple[ExitCode, Verdict]] = []
        for code, verdict in _offline(session, online=online):
            verdicts.append((code, verdict))
            call.out.verdict(verdict)
        if online:
            import asyncio

            asyncio.run(_online(session, call, verdicts))
    failed = [code for code, verdict in verdicts if verdict.standing is Standing.FAILED]
    if call.json:
        call.out.result({"verdicts": [_row(verdict) for _, verdict in verdicts], "failed": len(failed)})
    else:
        call.out.say()
        call.out.say(_sum([verdict for _, verdict in verdicts], online=online))
    return failed[0] if failed else ExitCode.DONE


def _offline(session: Session, *, online: bool) -> Iterator[tuple[ExitCode, Verdict]]:
    settings = session.settings
    seen = f"{settings.path}: from {', '.join(settings.sources)} to {settings.target.type}"
    yield ExitCode.CONFIGURATION, Verdict(name="configuration", standing=Standing.OK, seen=seen)
    rules = session.rules
    for name, inbound in rules.inbound.items():
        yield ExitCode.CONFIGURATION, Verdict(name=f"rules of {name}", standing=Standing.OK, seen=str(inbound.path))
        if inbound.write_back:
            seen = "; ".join(map(str, inbound.write_back))
            yield ExitCode.CONFIGURATION, Verdict(name=f"written back to {name}", standing=Standing.OK, seen=seen)
    for verdict in _unfilled(session):
        yield ExitCode.CONFIGURATION, verdict
    seen = str(rules.outbound.path)
    yield ExitCode.CONFIGURATION, Verdict(name="rules of the target", standing=Standing.OK, seen=seen)
    yield ExitCode.CONFIGURATION, _alerts(session)
    others = (
        _placeholders(settings.path),
        _secrets(session, online=online),
        _state(session),
        _former(session),
        _web(session),
        _traces(session),
    )
    for verdict in chain(*others):
        yield ExitCode.CONFIGURATION, verdict


def _unfilled(session: Session) -> Iterator[Verdict]:
    """Name settings of joiners and leavers that lack the attribute by which they work."""
    settings = session.settings
    asked = (
        (settings.joiners.ahead is not None, "joiners.ahead", "hireDate"),
        (settings.joiners.tell is not None, "joiners.tell", "hireDate"),
        (settings.leavers.hand_over == "deputy", "leavers.hand_over", "deputy"),
    )
    for used, setting, attribute in asked:
        if used and not any(rules.fills(attribute) for rules in session.rules.inbound.values()):
            problem = _UNFILLED.at(setting=setting, attribute=attribute)
            yield Verdict(name=setting, standing=Standing.WARNING, seen=f"no rule fills {attribute}", problem=problem)


def _alerts(session: Session) -> Verdict:
    """Load the rules of alerts. Raises Misconfigured with every mistake in them."""
    from syncd.engine.alerting import policy_of

    policy = policy_of(session.settings.alerts)
    seen = f"{len(policy.rules)} rules, {len(policy.channels)} channels"
    return Verdict(name="alerts", standing=Standing.OK, seen=seen)


def _web(session: Session) -> Iterator[Verdict]:
    """Look at what listens, and at who may send webhooks."""
    from syncd.web.checks import verdicts

    return verdicts(session.settings.web)


def _issuers(session: Session) -> AsyncIterator[Verdict]:
    """Fetch the keys of those whose access tokens open a source."""
    from syncd.web.checks import issuers

    return issuers(session.settings.web)


def _traces(session: Session) -> Iterator[Verdict]:
    """Look whether traces can be made, where they are asked for."""
    tracing = session.settings.tracing
    if tracing.endpoint is None:
        return
    from syncd.tracing_export import prepared

    try:
        prepared(tracing)
    except Misconfigured as error:
        yield Verdict(name="traces", standing=Standing.FAILED, seen="none are made", problem=error.problems[0])
    else:
        yield Verdict(name="traces", standing=Standing.OK, seen="made")


def _placeholders(path: Path) -> Iterator[Verdict]:
    """Find what `syncd init` left open, line by line: the file was valid UTF-8 a moment ago."""
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        column = line.find("CHANGE-ME")
        if column >= 0 and not line.lstrip().startswith("#"):
            place = Place(file=str(path), line=number, column=column + 1)
            name = line.split(":")[0].strip()
            yield Verdict(name=name, standing=Standing.WARNING, seen="a placeholder", problem=_PLACEHOLDER.at(place))


def _secrets(session: Session, *, online: bool) -> Iterator[Verdict]:
    """Try every secret. Offline a missing one is a warning: the service may have what this shell has not."""
    from syncd.config.settings import secrets_of

    for loc, secret in secrets_of(session.settings):
        name = f"secret {'.'.join(str(part) for part in loc)}"
        try:
            secret.reveal()
        except Misconfigured as error:
            standing = Standing.FAILED if online else Standing.WARNING
            yield Verdict(name=name, standing=standing, seen=secret.reference, problem=error.problems[0])
            continue
        unwise = secret.warning()
        standing = Standing.WARNING if unwise else Standing.OK
        yield Verdict(name=name, standing=standing, seen=secret.reference, problem=unwise)


def _state(session: Session) -> Iterator[Verdict]:
    """Look whether the state can be written, without making it."""
    url = session.settings.state.url
    if not url.startswith("sqlite:///"):
        return
    path = Path(url.removeprefix("sqlite:///"))
    folder = next(each for each in path.parents if each.is_dir())
    place = path if path.exists() else folder
    if os.access(place, os.W_OK):
        seen = str(path) if path.exists() else f"{path} will be made"
        yield Verdict(name="state", standing=Standing.OK, seen=seen)
    else:
        problem = _FOLDER.at(folder=str(folder))
        yield Verdict(name="state", standing=Standing.FAILED, seen=str(path), problem=problem)


def _former(session: Session) -> Iterator[Verdict]:
    """Name sources that are no longer configured and of which something is remembered, without making or mending the state."""
    from syncd.cli.condition import FORMER
    from syncd.cli.telling.words import count
    from syncd.store.glance import Unready, asking_file, former

    path = Path(session.settings.state.url.removeprefix("sqlite:///"))
    if not session.settings.state.url.startswith("sqlite:///") or not path.is_file():
        return
    try:
        with asking_file(path) as ask:
            found = former(ask, session.settings.sources)
    except Unready:
        return
    for name, number in found.items():
        problem = FORMER.at(name=name, count=count(number, "record"))
        yield Verdict(name=name, standing=Standing.WARNING, seen="not configured any more", problem=problem)


async def _online(session: Session, call: Call, verdicts: list[tuple[ExitCode, Verdict]]) -> None:
    for name, source in session.sources().items():
        async for verdict in _asked(name, source):
            verdicts.append((ExitCode.SOURCE, verdict))
            call.out.verdict(verdict)
    for name in session.settings.triggers:
        async for verdict in _asked(name, session.trigger(name)):
            verdicts.append((ExitCode.SOURCE, verdict))
            call.out.verdict(verdict)
    async for verdict in _issuers(session):
        verdicts.append((ExitCode.CONFIGURATION, verdict))
        call.out.verdict(verdict)
    for name in session.settings.alerts.channels:
        async for verdict in _asked(name, session.sink(name)):
            verdicts.append((ExitCode.CONFIGURATION, verdict))
            call.out.verdict(verdict)
    async for verdict in _asked(session.settings.target.type, session.target()):
        verdicts.append((ExitCode.TARGET, verdict))
        call.out.verdict(verdict)


async def _asked(name: str, connector: Source | Trigger | Target | Sink) -> AsyncIterator[Verdict]:
    """Yield a connector's own verdicts, with its name in front; one more if it cannot even be opened."""
    try:
        async with connector:
            async for verdict in connector.check():
                full = f"{name}: {verdict.name}"
                yield Verdict(name=full, standing=verdict.standing, seen=verdict.seen, problem=verdict.problem)
    except (NeedsHuman, TryAgain) as error:
        yield Verdict(name=f"{name}: open", standing=Standing.FAILED, seen="not reached", problem=error.problem)
    except Misconfigured as error:
        for problem in error.problems:
            yield Verdict(name=f"{name}: open", standing=Standing.FAILED, seen="not reached", problem=problem)


def _row(verdict: Verdict) -> dict[str, Any]:
    return {"name": verdict.name, "standing": verdict.standing, "seen": verdict.seen, "problem": verdict.problem}


def _sum(verdicts: Iterable[Verdict], *, online: bool) -> str:
    standings = [verdict.standing for verdict in verdicts]
    failed, warned = standings.count(Standing.FAILED), standings.count(Standing.WARNING)
    well = f"{len(standings)} checks: {failed} failed, {warned} with a warning."
    return well if online or failed else f"{well} `syncd check --online` also reaches the sources and the target."
