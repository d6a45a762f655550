"""Alerts at work: each look is kept in one transaction with the messages that it makes; couriers deliver them.

`tick` decides (through `syncd.alerts`), `deliver_forever` sends, and sends the heartbeat. A channel that is slow or down holds up
nobody but itself, and is alerted on the others. A message is tried until it is taken, overtaken by a newer one of its case, or
its channel is taken out of the configuration. Nothing here ends the service, and no person's name is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from syncd.alerts.delivery import delivered, failed, round_of, tried, withdrawn
from syncd.alerts.facts import Situation
from syncd.alerts.rules import Policy, QuietHours, load_policy
from syncd.alerts.state import Step, advance
from syncd.alerts.wording import Wording
from syncd.core.alerting import Note, Severity
from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, SyncdError, TryAgain, message, problem_of
from syncd.core.health import Health
from syncd.core.ports import Alert, Sink
from syncd.core.values import instant, moment
from syncd.engine.heartbeat import Heartbeat
from syncd.engine.last_resort import LastResort
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.config.alerting import AlertSettings, QuietSettings
    from syncd.store import Store, Transaction

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(minutes=1)
"""For one message to one channel; then the attempt has failed."""
LOOK: Final = timedelta(seconds=30)
"""How often a courier looks when nobody rings."""
GIVEN_UP: Final = 3
"""Attempts after which a channel does not count as one that reaches somebody."""
KEPT: Final = timedelta(days=400)
"""How long what is over is remembered: a year and a bit, for comparison."""
_JUMPS: Final = "alerts.jumps"
"""The key of a word: when the service started, how many jumps of the clock it had seen, when it saw the last one."""

FAILED: Final = message(
    "ALR-020",
    what="The channel {name} failed in a way that it should not ({error}).",
    do="The message is tried again. Tell the channel's author; the log has the traceback.",
    example="A channel of an outside package that divides by zero.",
)
SLOW: Final = message(
    "ALR-021",
    what="The channel {name} did not take a message within {seconds} s.",
    do="The message is tried again. See whether this machine reaches the channel's service: `syncd alerts test {name}`.",
    example="A mail server that accepts connections and says nothing.",
)


class Alerting:
    """The alerts of one service. Make one anew when the configuration has changed: it remembers nothing but in the store."""

    def __init__(
        self,
        *,
        store: Store,
        policy: Policy,
        wording: Wording,
        sinks: Mapping[str, Callable[[], Sink]],
        now: Callable[[], datetime],
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self.policy = policy
        self.wording = wording
        self._store, self._sinks, self._now, self._heartbeat = store, sinks, now, heartbeat
        self._bells = {name: asyncio.Event() for name in sinks}
        self._health: Health | None = None
        self._tidied_at: datetime | None = None
        grave = [name for name in sinks if Severity.CRITICAL in policy.channels.get(name, ())]
        self._last_resort = LastResort(grave, wording, lambda name, alert: send(sinks[name], alert))

    @classmethod
    def of(
        cls, settings: AlertSettings, *, store: Store, make_sink: Callable[[str], Sink], now: Callable[[], datetime]
    ) -> Alerting:
        """Return the alerts that `syncd.yaml` describes. Raises Misconfigured with every mistake of the rules."""
        return cls(
            store=store,
            policy=policy_of(settings),
            wording=wording_of(settings),
            sinks={name: partial(make_sink, name) for name in settings.channels},
            now=now,
            heartbeat=Heartbeat.of(settings.heartbeat) if settings.heartbeat else None,
        )

    # --- deciding ---

    async def tick(self, health: Health) -> Step:
        """Look once: follow every case, and keep what is due to be told. Raises only what the store raises, having told that."""
        try:
            step = await self._store.do(partial(self._step, health=health))
        except SyncdError as error:
            await self._last_resort.fails(problem_of(error), now=health.at)
            raise
        await self._last_resort.works(now=health.at)
        self._health = health  # only now: where nothing can be kept, no sign of life goes out
        for told in step.messages:
            log.info("alert.told", case=told.case.key, news=str(told.news), channel=told.channel)
            if told.channel in self._bells:
                self._bells[told.channel].set()
        return step

    def _step(self, tx: Transaction, *, health: Health) -> Step:
        """Everything of one look, in one transaction: a step that is not kept was not taken."""
        alerts = tx.alerts
        situation = Situation(health=health, deaf=alerts.deaf(), jumped_at=_jumped_at(tx, health))
        step = advance(self.policy, situation, alerts.cases(), silences=alerts.silences(health.at))
        alerts.drop(step.dropped)
        alerts.keep(step.cases)
        alerts.post([self.wording.note(told, now=health.at) for told in step.messages])
        if self._tidied_at is None or health.at - self._tidied_at > timedelta(days=1):
            alerts.tidy(before=health.at - KEPT)
            self._tidied_at = health.at
        return step

    # --- delivering ---

    async def deliver_forever(self) -> None:
        """Deliver until cancelled. What is under way then is tried again by whoever comes next."""
        async with asyncio.TaskGroup() as group:
            for name in self._sinks:
                group.create_task(self._courier(name))
            if self._heartbeat is not None:
                group.create_task(self._heartbeat.beat_forever(self._alive))

    async def deliver(self) -> datetime | None:
        """Try every message that is due once; return when the next one is. For tests and the last moments of a service."""
        await self._withdraw()
        times = await asyncio.gather(*(self._deliver(name) for name in self._sinks))
        return min((at for at in times if at is not None), default=None)

    async def _courier(self, name: str) -> None:
        """Deliver the messages of one channel, whatever happens."""
        while True:
            bell = self._bells[name]
            bell.clear()
            next_at: datetime | None = None
            try:
                await self._withdraw()
                next_at = await self._deliver(name)
            except SyncdError as error:  # the store: it says itself what is wrong, and the service alerts it
                log.warning("alert.store_failed", channel=name, error=type(error).__name__)
            except Exception:
                log.exception("alert.courier_failed", channel=name)
            pause = min(LOOK, max(next_at - self._now(), timedelta(seconds=1))) if next_at else LOOK
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes together with the bell.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await bell.wait()

    async def _withdraw(self) -> None:
        """End the messages to channels that are not configured any more."""
        waiting = await self._store.look(lambda tx: tx.alerts.waiting())
        orphans = [note for note in waiting if note.channel not in self._sinks]
        if orphans:
            log.warning("alert.withdrawn", channels=sorted({note.channel for note in orphans}), messages=len(orphans))
            settled = withdrawn(orphans, now=self._now())
            await self._store.do(lambda tx: tx.alerts.settle(settled))

    async def _deliver(self, name: str) -> datetime | None:
        """Send what is due to one channel, one after the other; return when the next is due."""
        now = self._now()
        waiting = await self._store.look(lambda tx: [note for note in tx.alerts.waiting() if note.channel == name])
        turn = round_of(waiting, now=now)
        if turn.settled or turn.kept:
            await self._store.do(lambda tx: tx.alerts.settle((*turn.settled, *turn.kept)))
        times = [turn.next_at] if turn.next_at else []
        for index, note in enumerate(turn.due):
            trying = tried(note)
            await self._store.do(partial(_settle, notes=[trying]))
            result = await self._attempt(name, trying)
            rest = [] if result.pause is None else _put_off(turn.due[index + 1 :], result.note.due_at, result.pause)
            settled = [result.note, *rest]
            await self._store.do(partial(_settle, notes=settled))
            times += [each.due_at for each in settled if each.settled_at is None]
            if result.pause is not None:
                break
        return min(times, default=None)

    async def _attempt(self, name: str, note: Note) -> _Attempt:
        """Try one message; return what became of it."""
        pause: timedelta | None = timedelta(0)
        try:
            await send(self._sinks[name], note.alert)
        except TryAgain as error:
            problem, pause = error.problem, error.after
        except OutcomeUnknown as error:
            problem = error.problem
        except NeedsHuman as error:
            problem, pause = error.problem, None  # perhaps this message's own fault: the others are tried
        except Misconfigured as error:
            problem = error.problems[0]
        except TimeoutError:
            problem = SLOW.at(name=name, seconds=round(PATIENCE.total_seconds()))
        except Exception as error:
            log.exception("alert.channel_failed", channel=name, code=FAILED.code)
            problem, pause = FAILED.at(name=name, error=type(error).__name__), None
        else:
            log.info("alert.delivered", case=note.case, news=str(note.news), channel=name)
            return _Attempt(note=delivered(note, now=self._now()), pause=None)
        log.warning("alert.not_delivered", case=note.case, channel=name, code=problem.code, attempt=note.attempts)
        after = failed(note, problem, now=self._now(), after=pause or timedelta(0))
        return _Attempt(note=after, pause=pause)

    async def _alive(self) -> bool:
        """Tell whether a sign of life would be true: work ends well, and alerts would reach somebody."""
        if self._heartbeat is None or not self._heartbeat.progressing(self._health, now=self._now()):
            return False
        deaf = {one.channel for one in await self._store.look(lambda tx: tx.alerts.deaf()) if one.attempts >= GIVEN_UP}
        return not self._sinks or bool(set(self._sinks) - deaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What became of one attempt."""

    note: Note
    pause: timedelta | None
    """How long the whole channel asks to be left alone; None where the other messages can be tried at once."""


def _put_off(rest: Sequence[Note], until: datetime, pause: timedelta) -> list[Note]:
    """Return messages that wait, without an attempt, until a channel that asked for a pause wants to be asked again."""
    return [replace(note, due_at=max(note.due_at, until)) for note in rest] if pause else []


def _settle(tx: Transaction, *, notes: Sequence[Note]) -> None:
    tx.alerts.settle(notes)


async def send(make: Callable[[], Sink], alert: Alert) -> None:
    """Send one alert through a sink of its own. Raises what the sink raises, TimeoutError after `PATIENCE`."""
    async with asyncio.timeout(PATIENCE.total_seconds()), make() as sink:
        await sink.send(alert)


def policy_of(settings: AlertSettings) -> Policy:
    """Return the rules that apply, and who hears of them. Raises Misconfigured."""
    channels = {name: frozenset(entry.severities) for name, entry in settings.channels.items()}
    quiet = _quiet(settings.quiet_hours, settings.timezone) if settings.quiet_hours else None
    return load_policy(settings.rules, channels=channels, quiet=quiet)


def wording_of(settings: AlertSettings) -> Wording:
    """Return how alerts are worded."""
    return Wording(
        language=settings.language,
        zone=ZoneInfo(settings.timezone),
        names=settings.personal_data == "show",
        docs=settings.docs.rstrip("/"),
    )


def _quiet(settings: QuietSettings, zone: str) -> QuietHours:
    return QuietHours(begin=settings.begin, end=settings.end, zone=ZoneInfo(zone), weekend=settings.weekend)


def _jumped_at(tx: Transaction, health: Health) -> datetime | None:
    """Return when the clock was last seen to jump. The count begins anew with each service; the time outlives it."""
    known = (tx.meta.get(_JUMPS) or "").split()
    started, count, at = known if len(known) == 3 else ("-", "0", "-")
    start = instant(health.started_at) if health.started_at else "-"
    seen = int(count) if started == start else 0
    # A clock that was ahead when it jumped back leaves an instant behind that is yet to come: it would be told until then.
    jumped_at = health.at if health.clock_jumps > seen else min(moment(at), health.at) if at != "-" else None
    word = f"{start} {health.clock_jumps} {instant(jumped_at) if jumped_at else '-'}"
    if (health.clock_jumps or known) and word != " ".join(known):
        tx.meta.set(_JUMPS, word)
    return jumped_at


__all__ = ["Alerting", "policy_of", "send", "wording_of"]
