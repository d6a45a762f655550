"""`syncd run`, put together: the service, its signals, its HTTP side, its alerts, and what systemd is told. It decides nothing.

A configuration that was changed is read while the old one is at work, and everything goes on with it, or nothing does.

What stands beside the service is begun again when it fails, and never ends it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from syncd.core.errors import Misconfigured, NeedsHuman, SyncdError
from syncd.core.ports import Calling
from syncd.engine.backoff import Backoff
from syncd.engine.health import health
from syncd.engine.nightly import INSTALLATION, SHORTEST, Night
from syncd.engine.notify import Notifier, Pulse
from syncd.engine.reloading import Loaded, Reloading
from syncd.engine.serving import Schedule, Service
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.cli.session import Session
    from syncd.core.health import Health
    from syncd.engine.cycle import Cycle
    from syncd.engine.world import World
    from syncd.web.scim import Pushed
    from syncd.web.serving import Doors

log = structlog.get_logger(__name__)
SWITCH_SECONDS: Final = 0.0005
"""For so long a thread that plans keeps the interpreter from the event loop, which lets go of it at each read and write of a
socket. Beside a busy thread a small exchange took 4 ms (p99, on a busy machine), and 7 to 13 ms with Python's own 5 ms."""
ALERT_SECONDS: Final = 15.0
"""Between two looks at what people have to be told."""


async def serve(session: Session, *, told: Callable[[Cycle], None]) -> None:
    """Serve until SIGTERM or SIGINT. Raises Busy if another syncd is at work, Misconfigured for what is known at the start."""
    notifier = Notifier()
    pulse = Pulse(notifier)
    service = Service(session.world("syncd run"), schedule_of(session), pulse=pulse, told=told)
    beside = _Beside(service, pulse)
    first = beside.read(session)
    reloading = Reloading(beside, first, lambda: beside.read(session.again()), announce=notifier)
    listen(service.stop, lambda: notifier.stopping("settling what is under way"), hangup=reloading.now)
    beside.start(first.rest, reloading.watch)
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        await service.run()
    finally:
        sys.setswitchinterval(before)
        await beside.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What one configuration brings beside the world."""

    schedule: Schedule
    every: timedelta
    works: Mapping[str, Callable[[], Awaitable[None]]]


class _Beside:
    """What stands beside the service: each part a task, all begun anew with each configuration that is taken over."""

    def __init__(self, service: Service, pulse: Pulse) -> None:
        self._service, self._pulse = service, pulse
        self._every = timedelta(0)
        self._lasting: list[asyncio.Task[None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._swapping: asyncio.Task[None] | None = None
        self._doors: Doors | None = None

    def read(self, session: Session) -> Loaded:
        """Put together what a session's configuration says. Raises Misconfigured with what is wrong with any part."""
        world, alerting, settings = session.world("syncd run"), session.alerting(), session.settings

        async def judge() -> None:
            while True:
                await alerting.tick(await self._look())
                await asyncio.sleep(ALERT_SECONDS)

        works: dict[str, Callable[[], Awaitable[None]]] = {"alerts": judge, "channels": alerting.deliver_forever}
        if settings.web.listen is not None or settings.web.monitoring.listen is not None:
            works["web"] = self._web(session)
        if settings.joiners.tell is not None:
            works["joiners"] = self._welcoming()
        if settings.tracing.endpoint is not None:
            works["traces"] = _traces(session)
        parts = _Parts(schedule=schedule_of(session), every=settings.schedule.every, works=works)
        return Loaded(world=world, rest=parts, files=session.files, state=settings.state.url)

    def _welcoming(self) -> Callable[[], Awaitable[None]]:
        from syncd.engine.welcoming import Welcoming

        # Of the service's own world, so that its words share the writer's connection and the calls that are permitted.
        return Welcoming(lambda: self._service.world).forever

    async def _look(self) -> Health:
        live = self._service.live()
        return await asyncio.to_thread(health, self._service.world, service=live, every=self._every)

    def start(self, parts: _Parts, *lasting: Callable[[], Awaitable[None]]) -> None:
        """Begin with the first configuration, and with what lasts through all of them."""
        self._lasting = [_task(work.__name__, work) for work in (self._pulse.beat, *lasting)]
        self._begin(parts)

    def _begin(self, parts: _Parts) -> None:
        self._every = parts.every
        self._tasks = [_task(name, work) for name, work in parts.works.items()]

    def reload(self, world: World, rest: _Parts) -> None:
        """Go on with another configuration (`syncd.engine.reloading.Serving`)."""
        self._service.reload(world, rest.schedule)
        self._swapping = _task("swap", partial(self._swap, self._swapping, rest))

    async def _swap(self, before: asyncio.Task[None] | None, parts: _Parts) -> None:
        """Begin anew when what went before has ended. What listens goes on listening meanwhile."""
        if before is not None:
            await before
        await _ended(self._tasks)
        if self._doors is not None and "web" not in parts.works:
            await self._doors.close()
        self._begin(parts)

    async def close(self) -> None:
        """End everything."""
        await _ended([*self._lasting, *([self._swapping] if self._swapping else [])])
        await _ended(self._tasks)
        if self._doors is not None:
            await self._doors.close()

    def _web(self, session: Session) -> Callable[[], Awaitable[None]]:
        """Return what serves webhooks, pushes and monitoring. Raises Misconfigured."""
        from syncd.web.app import Served
        from syncd.web.serving import Doors, prepare

        target: Any = session.target()
        called = self._service.calls.take if isinstance(target, Calling) and target.callback() is not None else None
        served = Served(
            wake=self._service.wake, look=self._look, called=called, pushed=pushed(session), now=session.now
        )
        prepared = prepare(session.settings, served)
        doors = self._doors = self._doors or Doors()
        return lambda: doors.serve(prepared)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _task(name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    return asyncio.create_task(_kept(name, work), name=name)


def pushed(session: Session) -> Pushed | None:
    """Return what takes pushes, None where no source is pushed to. Raises NeedsHuman for an issuer of another one."""
    from syncd.cli.commands.scim import not_pushed_to
    from syncd.web.scim import Pushed

    scim = session.settings.web.scim
    for name in scim.issuers:
        if name not in session.pushed_to:
            raise NeedsHuman(not_pushed_to(name, session.pushed_to))
    if not session.pushed_to:
        return None
    pushing = session.pushing
    return Pushed(
        sources=session.pushed_to, ask=pushing.ask, tokens=pushing.tokens, rate=scim.rate, issuers=scim.issuers
    )


def _traces(session: Session) -> Callable[[], Awaitable[None]]:
    """Return what makes and sends traces. Raises Misconfigured."""
    from importlib.metadata import version

    from syncd.tracing_export import prepared, sending

    make = prepared(session.settings.tracing)

    async def traces() -> None:
        async with sending(make, version=version("syncd")):
            await asyncio.Event().wait()

    return traces


def schedule_of(session: Session) -> Schedule:
    """Return when the service works by itself, as syncd.yaml says."""
    written = session.settings.schedule
    with session.store.transaction() as tx:
        installation = tx.meta.secret(INSTALLATION)
    night = Night.of(installation, session.settings.leavers.timezone) if written.full_every >= SHORTEST else None
    return Schedule(every=written.every, jitter=written.jitter, night=night, drain=written.drain)


def listen(*told: Callable[[], None], hangup: Callable[[], None]) -> None:
    """Tell somebody of SIGTERM and SIGINT, and somebody of SIGHUP, instead of dying."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for one in told:
            one()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, hangup)


async def _kept(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do it until it ends by itself; begin again after it failed."""
    backoff = Backoff(most=timedelta(minutes=1).total_seconds())
    while True:
        try:
            await work()
        except (SyncdError, ExceptionGroup) as error:
            problems = error.problems if isinstance(error, Misconfigured) else [getattr(error, "problem", None)]
            for problem in problems:
                log.warning("service.part_failed", part=name, code=problem.code if problem else type(error).__name__)
        except Exception:
            log.exception("service.part_failed", part=name)
        else:
            return
        await asyncio.sleep(backoff.next())
