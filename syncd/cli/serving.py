"""`syncd run`, put together: the service, its signals, its HTTP side, its alerts, and what systemd is told. It decides nothing.

What stands beside the service is begun again when it fails, and never ends it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from syncd.core.errors import Misconfigured, SyncdError
from syncd.engine.backoff import Backoff
from syncd.engine.health import health
from syncd.engine.notify import Notifier, Pulse
from syncd.engine.serving import Schedule, Service

if TYPE_CHECKING:
    from syncd.cli.session import Session
    from syncd.core.health import Health
    from syncd.engine.cycle import Cycle

log = structlog.get_logger(__name__)
ALERT_SECONDS: Final = 15.0
"""Between two looks at what people have to be told."""


async def serve(session: Session, *, told: Callable[[Cycle], None]) -> None:
    """Serve until SIGTERM or SIGINT. Raises Busy if another syncd is at work, Misconfigured for what is known at the start."""
    settings = session.settings
    notifier = Notifier()
    pulse = Pulse(notifier)
    service = Service(session.world("syncd run"), schedule_of(session), pulse=pulse, told=told)

    async def look() -> Health:
        every = settings.schedule.every
        return await asyncio.to_thread(health, service.world, service=service.live(), every=every)

    alerting = session.alerting()

    async def judge() -> None:
        while True:
            await alerting.tick(await look())
            await asyncio.sleep(ALERT_SECONDS)

    works: dict[str, Callable[[], Awaitable[None]]] = {
        "pulse": pulse.beat,
        "alerts": judge,
        "channels": alerting.deliver_forever,
    }
    if settings.web.listen is not None or settings.web.monitoring.listen is not None:
        works["web"] = _web(session, service, look)
    listen(service.stop, lambda: notifier.stopping("settling what is under way"))
    beside = [asyncio.create_task(_kept(name, work), name=name) for name, work in works.items()]
    try:
        await service.run()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def _web(session: Session, service: Service, look: Callable[[], Awaitable[Health]]) -> Callable[[], Awaitable[None]]:
    """Return what serves webhooks and monitoring. Raises Misconfigured."""
    from syncd.web.app import Served
    from syncd.web.serving import prepare
    from syncd.web.serving import serve as serve_web

    prepared = prepare(session.settings, Served(wake=service.wake, look=look, now=session.now))
    return lambda: serve_web(prepared)


def schedule_of(session: Session) -> Schedule:
    """Return when the service works by itself, as syncd.yaml says."""
    written = session.settings.schedule
    return Schedule(every=written.every, jitter=written.jitter, drain=written.drain)


def listen(*told: Callable[[], None]) -> None:
    """Tell somebody of SIGTERM and SIGINT instead of dying."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for one in told:
            one()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


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
