"""The writer's gate: what the target's answers amount to is kept with them, and says how much may be called now.

`syncd.core.circuits` decides; this module translates outcomes into what it looks at, and keeps what is left alone in the state,
so that a restart neither forgets it nor starts a storm. A command that somebody runs probes at once: it may have been mended.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.core import circuits
from syncd.core.circuits import Circuits, Fault, Terms, Tried
from syncd.core.errors import Problem, SyncdError, foreign, problem_of
from syncd.core.health import Failure
from syncd.core.model import Change, ChangeId, Kind, SubjectId
from syncd.core.outcome import Applied, Deferred, Outcome, Pending, Rejected
from syncd.core.values import instant
from syncd.engine import failures, left_alone
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.core.ports import Target
    from syncd.store import Store, Transaction
    from syncd.store.rows import QueuedChange

log = structlog.get_logger(__name__)

KNOCK: Final = SubjectId("")
"""The subject of a look at the target that concerns nobody."""
LOOKED_AT: Final = 512
"""Waiting changes that one turn puts off at most, so that it stays short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one turn's outcomes amount to; to be handed to `Gate.keep` once it is stored."""

    state: Circuits
    explained: tuple[bool, ...]
    """Of each outcome, whether the target rather than the subject is at fault that it came to nothing."""
    failing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one attempt tells, and whether its change had failed `before`."""

    tried: Tried
    before: bool = False


class Gate:
    """What of one target may be called. It remembers between writers; one task at a time uses it."""

    def __init__(
        self,
        terms: Terms | None = None,
        *,
        at_once: bool = False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`at_once`: whatever is left alone is probed right away."""
        self.terms = terms or Terms()
        self.state = Circuits()
        self._chance = chance
        self._known = False
        self._at_once = at_once
        self._failing = False

    def probe_at_once(self) -> None:
        """What is left alone may have been mended: the configuration is another one, or somebody asks."""
        self._at_once = True

    def learn(self, tx: Transaction, now: datetime) -> None:
        """Know what was left alone when somebody was last at work. To be called before anything else in a turn."""
        if not self._known:
            self.state = replace(left_alone.kept(tx.meta.get(left_alone.KEY)), recent=self.state.recent)
            self._failing = failures.read(tx.meta.get(failures.PREFIX + failures.TARGET)) is not None
            self._known = True
        if self._at_once:
            self.state, self._at_once = circuits.at_once(self.state, now), False

    def forget(self) -> None:
        """Somebody else was at work: what they left alone is read before anything is called."""
        self._known = False

    def opens_at(self) -> datetime | None:
        """Return when the target is probed next; None where it is not left alone."""
        return circuits.opens_at(self.state)

    async def knock(self, store: Store, target: Target, now: Callable[[], datetime], *, nothing: datetime) -> None:
        """Ask a target whose probe is due whether it answers, if at `nothing` no change was there to ask it."""
        opens, began = self.opens_at(), now()
        if opens is None or nothing < opens:
            return
        problem: Problem | None = None
        try:
            await target.look(Kind.UNIT, target.root)
        except SyncdError as error:
            problem = problem_of(error)
        told = Told(tried=knocked(problem, began=began, ended=now()))
        self.keep(await store.do(lambda tx: self.settle(tx, [told], told.tried.ended)))

    # -- what came of it -----------------------------------------------------------------------------------------------

    def settle(self, tx: Transaction, told: Sequence[Told | None], now: datetime) -> Answered:
        """Work out what the attempts of a turn tell, and keep it. None stands for one that says nothing of the target."""
        state = self.state
        order = sorted(
            range(len(told)), key=lambda place: not _answered(told[place])
        )  # whoever is answered counts first
        ours = dict[int, bool]()
        for place in order:
            one = told[place]
            ours[place] = one is None or circuits.believed(state, one.tried, before=one.before)
            if one is not None:
                state = circuits.note(state, one.tried, self.terms, self._chance())
        explained = [ours[place] for place in range(len(told))]
        if state.target is not None or state.interfaces:
            state = circuits.forgotten(state, now, self.terms)
        if (state.target, state.interfaces) != (self.state.target, self.state.interfaces):
            left_alone.keep(tx, state, self.terms)
        tried = [one.tried for one, so in zip(told, explained, strict=True) if one is not None and so]
        return Answered(state=state, explained=tuple(explained), failing=self._note_failing(tx, tried, state))

    def _note_failing(self, tx: Transaction, tried: Sequence[Tried], state: Circuits) -> bool:
        """Keep that the target fails, as long as it answers nobody and nothing else says so."""
        failing = self._failing
        for one in tried:
            if one.fault is Fault.NONE or state.target is not None or one.interface in state.interfaces:
                failing = failing and self._works(tx)
            elif one.why is not None:
                failures.once_more(tx, failures.TARGET, one.why)
                failing = True
        return failing

    def _works(self, tx: Transaction) -> bool:
        tx.meta.drop(failures.PREFIX + failures.TARGET)
        return False

    def keep(self, answered: Answered) -> None:
        """Go on from what has been stored."""
        before, self.state, self._failing = self.state, answered.state, answered.failing
        if before.target is not answered.state.target or before.interfaces is not answered.state.interfaces:
            _say(before, answered.state)


# --- what may be called ---------------------------------------------------------------------------------------------


def claim(
    tx: Transaction,
    state: Circuits,
    now: datetime,
    wanted: int,
    *,
    running: Mapping[str, int],
    interface: Callable[[Change], str],
) -> tuple[list[QueuedChange], bool]:
    """Take due changes whose interface may be called, and put off the others; tell whether there may be more right away."""
    wanted = circuits.room(state, now, wanted, running)
    busy, taken, looked_at = Counter(running), list["QueuedChange"](), 0
    while len(taken) < wanted and looked_at < LOOKED_AT:
        found = tx.queue.claim(now, wanted - len(taken))
        put_off: dict[datetime, list[ChangeId]] = {}
        for queued in found:
            needs = interface(queued.change)
            until = circuits.wait(state, needs, now, busy)
            if until is None:
                taken.append(queued)
                busy[needs] += 1
            else:
                put_off.setdefault(until, []).append(queued.id)
        for until, some in put_off.items():
            tx.queue.put_off(some, until=until)
        looked_at += len(found)
        if not put_off or (state.target is not None and state.target.shut):
            return taken, False
    return taken, not taken and wanted > 0


def _answered(told: Told | None) -> bool:
    return told is not None and told.tried.fault is Fault.NONE


# --- from outcomes --------------------------------------------------------------------------------------------------


def attempt(change: Change, interface: str, outcome: Outcome, *, began: datetime, ended: datetime) -> Tried | None:
    """Return what an outcome says of the target; None where it says nothing."""
    fault, least, why = Fault.NONE, None, None
    match outcome:
        case Applied() | Pending() | Rejected():
            pass
        case Deferred(whole_target=True) as later:
            fault = Fault.INTERFACE if later.one_interface else Fault.TARGET
            least, why = later.retry_at, _why(later.problem, ended)
        case Deferred(read_back=True):
            return None
    return Tried(
        subject=change.subject, interface=interface, fault=fault, began=began, ended=ended, least=least, why=why
    )


def knocked(problem: Problem | None, *, began: datetime, ended: datetime) -> Tried:
    """Return what a look at the target says that concerns nobody: it answered, or failed with `problem`."""
    fault = Fault.NONE if problem is None else Fault.TARGET
    why = _why(problem, ended) if problem is not None else None
    return Tried(subject=KNOCK, interface="", fault=fault, began=began, ended=ended, why=why)


def _why(problem: Problem, at: datetime) -> Failure:
    return Failure(since=at, times=1, code=problem.code, what=foreign(problem.what), do=foreign(problem.do))


# --- said -----------------------------------------------------------------------------------------------------------


def _say(before: Circuits, after: Circuits) -> None:
    """Say in the log what is left alone now, and what no longer is."""
    old, new = before.target, after.target
    if new is not None and new.shut and (old is None or old.until != new.until):
        log.warning("target.left_alone", until=instant(new.until), probes=new.probes, code=new.why.code)
    elif old is not None and old.shut and (new is None or not new.shut):
        log.info("target.answers_again", since=instant(old.since))
    for name in _names(before, after):
        was, is_ = before.interfaces.get(name), after.interfaces.get(name)
        if is_ is not None and is_.shut and (was is None or was.until != is_.until):
            log.warning("interface.left_alone", interface=name, until=instant(is_.until), code=is_.why.code)
        elif was is not None and was.shut and after.target is None and (is_ is None or not is_.shut):
            log.info("interface.answers_again", interface=name, since=instant(was.since))


def _names(*states: Circuits) -> Iterable[str]:
    return sorted({name for state in states for name in state.interfaces})
