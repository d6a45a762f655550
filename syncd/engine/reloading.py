"""Takes over a configuration that was changed while the service runs: reads and validates it, says what it will come to, and
hands it over. One that does not load changes nothing: the last good one goes on, and that is said until it is mended.

It never interprets a setting itself and never stops the service. When it reads again: at `now` (SIGHUP), and when a file is
another one than before and has stayed so for a moment, since editors and deployments write in several steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from syncd.core.errors import Misconfigured, NeedsHuman, Problem, SyncdError, TryAgain, message
from syncd.core.model import SourceName
from syncd.engine import failures
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.structured import structlog

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 3.0
"""Between two looks at the files: a few calls of stat."""

ELSEWHERE: Final = message(
    "ENG-080",
    what="The new configuration keeps its state in another database than the one that is in use.",
    do="Restart the service to change it (systemctl restart syncd); the old database stays as it is.",
    example="state.url was edited while the service runs",
)
BROKEN: Final = message(
    "ENG-081",
    what="The new configuration could not be loaded ({error}).",
    do="`syncd check` says more. The service goes on with the configuration that it had.",
    example="a table that a rule reads is being replaced at this moment",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that is valid, as far as can be said without asking anybody."""

    world: World
    rest: Any
    """What is handed over with it (schedule, alerts, web); passed on unseen."""
    files: frozenset[Path]
    """What it was read from."""
    state: str
    """The database that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a new configuration will come to."""

    mapped_anew: Mapping[SourceName, int] = field(default_factory=dict)
    """Records by source whose rules are others now."""
    everybody: bool = False
    """Whether everybody is compared with the target again."""
    waits: bool = False
    """Whether its first plan waits until somebody accepts it (guard.first_run)."""
    added: tuple[SourceName, ...] = ()
    removed: tuple[SourceName, ...] = ()


class Serving(Protocol):
    """Who works with it: the service, and what stands beside it."""

    def reload(self, world: World, rest: Any) -> None: ...


class Announcing(Protocol):
    """Who is told that a reload is under way (`syncd.engine.notify.Notifier`)."""

    def reloading(self) -> None: ...

    def ready(self, status: str) -> None: ...


class Reloading:
    """Watches over one service's configuration. Run `watch` as a task beside the service."""

    def __init__(
        self,
        service: Serving,
        current: Loaded,
        load: Callable[[], Loaded],
        *,
        announce: Announcing | None = None,
        every: float = EVERY_SECONDS,
    ) -> None:
        """`load` reads everything anew, in a thread, and raises Misconfigured with every mistake."""
        self.current = current
        self._service, self._load, self._announce, self._every = service, load, announce, every
        self._rung = asyncio.Event()
        self._tried = signature(current.files)

    def now(self) -> None:
        """Read the configuration again, changed or not. To be called from the event loop (SIGHUP)."""
        self._rung.set()

    async def watch(self) -> None:
        """Read again whenever somebody asks or the files have changed, for ever."""
        await self._forget()
        before = self._tried
        while True:
            with suppress(TimeoutError):
                # Not `wait_for`, here and elsewhere: in Python 3.11 it loses a cancellation that comes with the event.
                async with asyncio.timeout(self._every):
                    await self._rung.wait()
            seen = signature(self.current.files)
            settled, before = seen == before, seen
            if self._rung.is_set() or (seen != self._tried and settled):
                self._rung.clear()
                self._tried = seen
                await self.reload()

    async def reload(self) -> Impact | None:
        """Read and take over; None if it does not load, which has been said then. Raises nothing but what cancels it."""
        if self._announce is not None:
            self._announce.reloading()
        try:
            loaded = await asyncio.to_thread(self._load)
            if loaded.state != self.current.state:
                raise NeedsHuman(ELSEWHERE.at())
            found = await loaded.world.store.look(lambda tx: impact(tx, self.current.world, loaded.world))
        except (SyncdError, OSError) as error:
            await self._refuse(_problems(error))
            return None
        except Exception as error:
            log.exception("config.failed")
            await self._refuse(_problems(error))
            return None
        await self._take(loaded, found)
        return found

    async def _take(self, loaded: Loaded, found: Impact) -> None:
        self.current, self._tried = loaded, signature(loaded.files)
        await self._forget()
        self._service.reload(loaded.world, loaded.rest)
        log.info(
            "config.reloaded",
            mapped_anew=sum(found.mapped_anew.values()),
            everybody=found.everybody,
            waits_for_acceptance=found.waits,
            sources_added=list(found.added),
            sources_removed=list(found.removed),
        )
        self._say(
            "configuration taken over; its first plan waits for somebody" if found.waits else "configuration taken over"
        )

    async def _refuse(self, problems: tuple[Problem, ...]) -> None:
        for problem in problems:
            log.error("config.refused", code=problem.code, place=str(problem.place), what=problem.what)
        world, first = self.current.world, problems[0]
        with suppress(SyncdError):  # the database that cannot be written is told by others
            await world.store.do(lambda tx: failures.note(tx, failures.CONFIG, first, at=world.now()))
        self._say(f"the configuration on disk does not load ({first.code}); the last good one is at work")

    async def _forget(self) -> None:
        """Note that the configuration that is at work is the one on disk."""
        world = self.current.world
        with suppress(SyncdError):
            await world.store.do(lambda tx: failures.note(tx, failures.CONFIG, None, at=world.now()))

    def _say(self, status: str) -> None:
        if self._announce is not None:
            self._announce.ready(status)


def signature(files: Collection[Path]) -> dict[Path, tuple[int, ...]]:
    """Return what tells one version of the files from another, without reading them."""
    found: dict[Path, tuple[int, ...]] = {}
    for file in files:
        try:
            seen = file.stat()
        except OSError:
            found[file] = ()
        else:
            found[file] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


def impact(tx: Transaction, old: World, new: World) -> Impact:
    """Say what taking over `new` comes to. Costs a count of records for each source whose rules changed."""
    changed = [
        name
        for name, seat in new.seats.items()
        if name in old.seats and seat.rules.digest != old.seats[name].rules.digest
    ]
    other = new.computed_by != old.computed_by
    accepted = tx.meta.get("config.accepted")
    return Impact(
        mapped_anew={name: tx.records.count(name).total() for name in changed},
        everybody=other,
        waits=other and new.guard.plan_only_first and accepted != new.config_digest.hex(),
        added=tuple(sorted(new.seats.keys() - old.seats.keys())),
        removed=tuple(sorted(old.seats.keys() - new.seats.keys())),
    )


def _problems(error: Exception) -> tuple[Problem, ...]:
    match error:
        case Misconfigured(problems=problems) if problems:
            return tuple(problems)
        case NeedsHuman() | TryAgain():
            return (error.problem,)
        case _:
            return (BROKEN.at(error=type(error).__name__),)


__all__ = ["Impact", "Loaded", "Reloading", "impact", "signature"]
