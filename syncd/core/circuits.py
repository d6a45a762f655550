"""When a target, or an interface of it, is left alone because most calls fail, and how it is tried again. Time is handed in.

A target is left alone (quarantine) when no interface of it works; an interface (circuit) when it alone does not. Then there are
probes, with growing pauses, and what works again is trusted slowly. What a target says of single people, yes or no, is an answer,
and never a fault. Pure: nothing here calls, waits or stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from syncd.core.health import Failure
from syncd.core.model import Change, SubjectId

REMEMBERED: Final = 100
"""Calls that are looked back at, at most."""
TRUSTED: Final = 20
"""Answers in a row after which what was left alone is open as before."""
SUBJECTS: Final = 5
"""So many different subjects must have failed: one whose own data break a server proves nothing about the others."""
FEW: Final = 3
"""Calls from which on an interface is taken for one that does not work."""
SPREAD: Final = 0.25
"""Pauses are longer or shorter by up to this share, so that nobody keeps step."""
SOON: Final = timedelta(seconds=2)
"""How long a change waits whose interface has as many calls under way as it may have: those of others are looked at meanwhile."""


@runtime_checkable
class Parted(Protocol):
    """What a target may offer besides `syncd.core.ports.Target`: which of its interfaces writes a change, so that one that
    fails by itself is left alone by itself. It is pure, and names few interfaces.
    """

    def interface(self, change: Change) -> str: ...


class Fault(StrEnum):
    """Who is at fault that a call came to nothing."""

    NONE = "none"
    """Nobody: the target answered."""
    INTERFACE = "interface"
    """One interface of it; others may work."""
    TARGET = "target"
    """The target, or the way to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How one attempt went."""

    subject: SubjectId
    interface: str
    fault: Fault
    began: datetime
    ended: datetime
    least: datetime | None = None
    """Before then the target does not want to be asked again."""
    why: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When to leave alone, and how to probe."""

    calls: int = 20
    percent: float = 80.0
    """Of the different subjects of the last calls so many must have failed at last."""
    within: timedelta = timedelta(minutes=10)
    first: timedelta = timedelta(seconds=30)
    most: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Something is left alone."""

    since: datetime
    until: datetime
    """When the next probe is due; once it is trusted again: since when."""
    asked: datetime
    """When the last probes were due: an answer to a call that began earlier says nothing of now."""
    probes: int = 0
    """Those that failed."""
    trust: int = 0
    """Answers in a row; 0 while it is shut."""
    works: frozenset[str] = frozenset()
    """Of a target that is trusted again: the interfaces that answered."""
    why: Failure

    @property
    def shut(self) -> bool:
        """Tell whether there are only probes."""
        return self.trust == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuits:
    """What is left alone, and what that was concluded from."""

    recent: tuple[Tried, ...] = ()
    """The last calls, oldest first."""
    target: Rest | None = None
    interfaces: Mapping[str, Rest] = field(default_factory=lambda: MappingProxyType({}))


# --- what may be called ---------------------------------------------------------------------------------------------


def room(state: Circuits, now: datetime, wanted: int, running: Mapping[str, int]) -> int:
    """Return how many of `wanted` changes may be looked at for calling; `running` are calls under way by interface."""
    rest = state.target
    if rest is None or wanted <= 0:
        return wanted
    if rest.shut:
        return wanted if now >= rest.until else 0
    return max(0, min(wanted, 2 * rest.trust - sum(running.values())))


def wait(state: Circuits, interface: str, now: datetime, running: Mapping[str, int]) -> datetime | None:
    """Return from when on a change that needs `interface` is looked at again; None where it may go now."""
    busy = running.get(interface, 0)
    if state.target is not None and state.target.shut and busy:
        return now
    rest = state.interfaces.get(interface)
    if rest is None:
        return None
    if rest.shut and now < rest.until:
        return rest.until
    return None if busy < max(1, 2 * rest.trust) else now + SOON


def opens_at(state: Circuits) -> datetime | None:
    """Return when the target is probed next; None where it is not shut."""
    return state.target.until if state.target is not None and state.target.shut else None


def at_once(state: Circuits, now: datetime) -> Circuits:
    """Return the state in which everything that is shut is probed now: somebody may have mended it."""
    return replace(
        state,
        target=_now(state.target, now) if state.target is not None else None,
        interfaces={name: _now(rest, now) for name, rest in state.interfaces.items()},
    )


def _now(rest: Rest, now: datetime) -> Rest:
    return replace(rest, until=now, asked=now) if rest.shut and rest.until > now else rest


# --- what a call tells ----------------------------------------------------------------------------------------------


def believed(state: Circuits, tried: Tried, *, before: bool) -> bool:
    """Tell whether it may be that not the subject is at fault, as the target says: not if others are answered since the subject
    failed last. `before`: it has failed already, perhaps before what is remembered. To be asked before `note`."""
    if state.target is not None or tried.interface in state.interfaces:
        return True
    since = next((place for place, one in enumerate(reversed(state.recent)) if one.subject == tried.subject), None)
    if since is None:
        later: Sequence[Tried] = state.recent if before else ()
    else:
        later = state.recent[len(state.recent) - since :]
    return not any(
        one.fault is Fault.NONE and one.interface == tried.interface and one.subject != tried.subject for one in later
    )


def note(state: Circuits, tried: Tried, terms: Terms, chance: float) -> Circuits:
    """Return the state after a call. `chance`, from 0 to 1, says where within its spread a pause lies."""
    state = _forget(state, tried.ended, terms)
    pause = _Pause(terms=terms, chance=chance)
    if state.target is not None:
        return _of_target(state, state.target, tried, pause)
    recent = (*state.recent[1 - REMEMBERED :], tried)
    rest = state.interfaces.get(tried.interface)
    if rest is not None:
        return _of_interface(replace(state, recent=recent), rest, tried, pause)
    state = replace(state, recent=recent)
    return state if tried.fault is Fault.NONE else _judged(state, tried, pause)


def _forget(state: Circuits, now: datetime, terms: Terms) -> Circuits:
    """Let go of what was trusted long enough, or not asked for any more."""
    target = state.target
    if target is not None and not target.shut and now - target.until > terms.within:
        state = replace(state, target=None, recent=())
    old = {name for name, rest in state.interfaces.items() if now - rest.until > terms.within}
    if old:
        state = _without(state, old)
    return state


def forgotten(state: Circuits, now: datetime, terms: Terms) -> Circuits:
    """Return the state without what time alone has ended."""
    return _forget(state, now, terms)


def _without(state: Circuits, interfaces: Iterable[str]) -> Circuits:
    gone = set(interfaces)
    return replace(
        state,
        recent=tuple(one for one in state.recent if one.interface not in gone),
        interfaces={name: rest for name, rest in state.interfaces.items() if name not in gone},
    )


def _of_target(state: Circuits, rest: Rest, tried: Tried, pause: _Pause) -> Circuits:
    """A call while the target was left alone, or begins to be trusted again."""
    if tried.fault is Fault.NONE:
        trusted = _trusted(rest, tried)
        return replace(state, target=trusted) if trusted is not None else replace(state, target=None, recent=())
    own = state.interfaces.get(tried.interface)
    if own is not None:
        return _of_interface(state, own, tried, pause)
    if tried.began < rest.until:
        return state
    if rest.works and tried.interface not in rest.works and tried.fault is Fault.INTERFACE:
        # Others work, this one does not: it is no longer the whole.
        shut = pause.shut(replace(rest, trust=0, works=frozenset()), tried)
        return replace(state, interfaces={**state.interfaces, tried.interface: shut})
    return replace(state, target=pause.shut(rest, tried), interfaces={})


def _of_interface(state: Circuits, rest: Rest, tried: Tried, pause: _Pause) -> Circuits:
    """A call of an interface that was left alone, or begins to be trusted again."""
    if tried.fault is Fault.NONE:
        trusted = _trusted(rest, tried)
        if trusted is None:
            return _without(state, {tried.interface})
        return replace(state, interfaces={**state.interfaces, tried.interface: trusted})
    if tried.began < rest.until:
        return _judged(state, tried, pause)
    return _judged(
        replace(state, interfaces={**state.interfaces, tried.interface: pause.shut(rest, tried)}), tried, pause
    )


def _trusted(rest: Rest, tried: Tried) -> Rest | None:
    """Return what an answer makes of a rest; None: it is over."""
    if tried.began < rest.asked:
        return rest
    if rest.trust + 1 >= TRUSTED:
        return None
    works = rest.works | {tried.interface} if tried.interface else rest.works
    return replace(rest, trust=rest.trust + 1, until=tried.ended if rest.shut else rest.until, works=works)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """How long something is left alone."""

    terms: Terms
    chance: float

    def shut(self, rest: Rest, tried: Tried) -> Rest:
        """Return a rest after a probe that failed: twice as long as before."""
        times = rest.probes + 1
        why = replace(tried.why or rest.why, since=rest.since, times=rest.why.times + 1)
        until = self.until(tried, times)
        return replace(
            rest, until=until, asked=max(rest.asked, rest.until), probes=times, trust=0, works=frozenset(), why=why
        )

    def begun(self, tried: Tried, *, times: int) -> Rest:
        """Return a new rest."""
        until = self.until(tried, 0)
        why = tried.why or Failure(since=tried.ended, times=times, code="", what="", do="")
        return Rest(since=tried.ended, until=until, asked=until, why=replace(why, since=tried.ended, times=times))

    def until(self, tried: Tried, probes: int) -> datetime:
        """Return when to probe: after twice the pause of before, not before the target wants it, never later than `most`."""
        most = self.terms.most.total_seconds()
        pause = min(self.terms.first.total_seconds() * 2 ** min(probes, 30), most)
        pause = min(pause * (1 + SPREAD * (2 * self.chance - 1)), most)
        until = tried.ended + timedelta(seconds=pause)
        return max(until, min(tried.least, tried.ended + self.terms.most)) if tried.least is not None else until


# --- the judgement --------------------------------------------------------------------------------------------------


def _judged(state: Circuits, tried: Tried, pause: _Pause) -> Circuits:
    """Leave the target or the interface alone, if that is what the last calls say."""
    terms = pause.terms
    recent = tuple(one for one in state.recent if tried.ended - one.ended <= terms.within)
    by_interface: dict[str, list[Tried]] = {}
    for one in recent:
        by_interface.setdefault(one.interface, []).append(one)
    failing = {name for name, calls in by_interface.items() if _fails(calls, terms)}
    if failing == by_interface.keys() and _enough(recent, terms) and _all_of_it(recent, by_interface):
        rest = pause.begun(tried, times=_faults(recent))
        return replace(state, recent=(), target=rest, interfaces={})
    own = by_interface.get(tried.interface, [])
    if tried.interface in failing and tried.interface not in state.interfaces and _enough(own, terms):
        rest = pause.begun(tried, times=_faults(own))
        return replace(state, interfaces={**state.interfaces, tried.interface: rest})
    return state


def _all_of_it(recent: Sequence[Tried], by_interface: Mapping[str, Sequence[Tried]]) -> bool:
    """Tell whether what fails is more than one interface: two of them, or the target's own word for it, or there is only one."""
    if sum(len(calls) >= FEW for calls in by_interface.values()) > 1:
        return True
    return "" in by_interface or 2 * sum(one.fault is Fault.TARGET for one in recent) > _faults(recent)


def _enough(calls: Sequence[Tried], terms: Terms) -> bool:
    return len(calls) >= terms.calls and len({one.subject for one in calls if one.fault is not Fault.NONE}) >= SUBJECTS


def _fails(calls: Sequence[Tried], terms: Terms) -> bool:
    """Tell whether of the different subjects of these calls so many failed at last."""
    last = {one.subject: one.fault for one in calls}
    failed = sum(fault is not Fault.NONE for fault in last.values())
    return failed * 100 >= terms.percent * len(last)


def _faults(calls: Sequence[Tried]) -> int:
    return sum(one.fault is not Fault.NONE for one in calls)
