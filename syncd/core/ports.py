"""The sockets: what a connector must be. Each rule is numbered, and the contract suite of `syncd.testing` checks it by number.

A connector is a class found by entry point; it is made with its validated settings and a `Room`, used as an async context
manager, and knows nothing of the store, the mapping or the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from syncd.core.callbacks import Received
from syncd.core.census import Census
from syncd.core.errors import Problem
from syncd.core.fields import FieldSpec
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Change, Completeness, Kind, NativeId, Observed, Page, SourceName, SubjectId, TargetId
from syncd.core.outcome import Fact, Outcome
from syncd.core.pushed import Pushes
from syncd.core.values import Values
from syncd.core.wakes import Touched, Wake


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the engine hands to a connector besides its settings."""

    name: str
    """The name under which `syncd.yaml` knows it."""
    now: Callable[[], datetime]
    """The clock: aware UTC. Connectors never ask the system for the time of day."""
    base: Path
    """The folder of `syncd.yaml`: relative paths in settings start here."""
    wanted: Mapping[Kind, frozenset[str]] | None = None
    """Of a source: the attributes that its rules read, by kind; None when that is not known, so that all may be read. Of a kind
    that is not named they read nothing. Of a target: the fields that its rules fill; what is dear to read (roles) it reads only
    where it is named."""
    returned: frozenset[str] = frozenset()
    """Of a source: the attributes of people that its rules write back."""
    reaches: bool = False
    """Of a target: whether its people are to be told of something in it (`syncd.core.reaching`), so that `check` tries that."""
    pushes: Pushes | None = None
    """Of a source to which others push (its class says `pushed = True`): what they have pushed; None where no state is open."""


class Standing(StrEnum):
    """The verdict of one check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One line of `syncd check --online`: what was tried, how it stands, what was seen, and what to do if it is not well."""

    name: str
    standing: Standing
    seen: str
    problem: Problem | None = None


@runtime_checkable
class Source(AbstractAsyncContextManager["Source"], Protocol):
    """Where the truth about people comes from.

    Rules (checked by `syncd.testing.SourceContract`):
     1. `read(None)` yields every record of the source, each exactly once, in pages; `full` is True on each.
     2. Only the last page carries `cursor` and `completeness`; a page after it is never yielded.
     3. `completeness.proven` is True only if nothing can be missing; on any doubt the fact that fails says why.
     4. A read that cannot go on raises (`TryAgain`, `NeedsHuman`, `Misconfigured`); it never ends quietly with less.
     5. `native_id` is stable under renames and moves; two records of one kind never share one.
     6. Reading an unchanged source again yields equal digests; a changed attribute yields another digest.
     7. `read(cursor)` yields at least what changed since the cursor was given (`full` False), or starts over (`full` True);
        with `full` it always starts over. A cursor is what the last page of an earlier read carried: the source may keep in it
        what it wants to compare the next read with.
     8. Blocking libraries run in threads; cancellation of a read leaves nothing running.
     9. Secrets never occur in errors, notes or `repr`.
    10. `check()` tries each precondition by itself, never raises, and gives one verdict each.
    11. A record that has a `fingerprint` is asked for with `known.seen` before it is yielded, and only then: what is known is
        counted in `Page.unchanged` instead. Without `known`, everything is yielded.
    12. After a delta, the records that were yielded and deleted amount to what one full read yields.
    """

    settings: ClassVar[type[Any]]
    """The pydantic model of its part of `syncd.yaml`."""
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None]
    """Names and types (`text`, `texts`, `number`, `flag`, `instant`) of attributes it can deliver by kind; None when only the
    data can tell (a table's columns). Rules naming others are refused at load. Where settings can ask for more, the class
    offers `attributes_with(settings)` besides, a classmethod that returns all of them."""

    def __init__(self, settings: Any, room: Room) -> None: ...

    def read(self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN) -> AsyncIterator[Page]: ...

    def check(self) -> AsyncIterator[Verdict]: ...


@runtime_checkable
class Watching(Protocol):
    """What a source may offer besides: wake-ups, told as things happen.

    Rules (checked by `syncd.testing.WatchingContract`):
     1. `watch()` runs beside reads, on a connection of its own, until it is closed or cancelled, and leaves nothing running.
     2. It yields a wake soon after something has changed, and one at its start and after each interruption: what happened
        meanwhile may have been missed. Wakes may come too often; never none for a change.
     3. It mends its own connection (with jitter) and raises only what a person has to mend (`NeedsHuman`, `Misconfigured`).
     4. `watching()` says in a few words how it does it right now, for people; empty while it is interrupted.
    """

    def watch(self) -> AsyncIterator[Wake]: ...

    def watching(self) -> str: ...


@runtime_checkable
class WritingBack(Protocol):
    """What a source may offer besides: single attributes of its people can be written, by rule.

    Rules (checked by `syncd.testing.WritingBackContract`):
     1. `writable` names the attributes that can be written, by kind; never an id, a login, a password or a reference. Where
        settings can add some, the class offers `writable_with(settings)` besides.
     2. `write_back` writes the named attributes of one record, all or none, and touches nothing else. None empties one.
     3. It writes only where the record holds what is `expected`; where it holds what is wanted already it is `Applied`. Where it
        holds anything else nothing is written and it is `Deferred`: somebody was quicker, and what they wrote is read first.
     4. `Applied` is said only of what was read back. What the source stores differently than it was told is `Rejected`: the two
        would never agree.
     5. Repeating a call is harmless, whatever became of the first one.
     6. What the account may not do is `Rejected`. What cannot be done now is raised as a read raises it; whether it was done
        all the same, the next call finds.
     7. Secrets and people's values never occur in problems.
    """

    writable: ClassVar[Mapping[Kind, frozenset[str]]]

    async def write_back(self, native_id: NativeId, fields: Values, *, expected: Values) -> Outcome: ...


@runtime_checkable
class Telling(Protocol):
    """What a target may offer besides: it tells what somebody changed in it, without being asked.

    Rules (checked by `syncd.testing.TellingContract`): 1 and 3 of `Watching`; events may be repeated, late, out of order or lost,
    and our own writes are among them. What is there is yielded together, at least one each time: keeping it costs a transaction.
    It is acknowledged to the platform only when more is asked for: by then the engine has kept what it needs.
    """

    def touched(self) -> AsyncIterator[Sequence[Touched]]: ...


class Receiver(Protocol):
    """Understands the calls of a target. Pure: what is called is kept by whoever asked, and only then answered."""

    def receive(self, query: Mapping[str, str], body: bytes) -> Received:
        """Return what a call says. Raises `NotTheirs` for one that is not the target's, forged, changed or too old."""
        ...


@runtime_checkable
class Calling(Protocol):
    """What a target may offer instead of `Telling`, or beside it: it calls us over HTTP when somebody changes something in it.

    Rules: 1. Calls may be repeated, late, out of order or lost, and our own writes are among them. 2. The target forgets an event
    when it is answered, so that comes after keeping. 3. `callback` needs no open connection, and returns None where calls are not
    asked for; it raises `Misconfigured` for secrets that cannot be had or used. 4. Secrets never occur in errors or `repr`.
    """

    def callback(self) -> Receiver | None: ...


class Trigger(AbstractAsyncContextManager["Trigger"], Protocol):
    """Where others say that somebody may have changed (a message broker).

    Rules (checked by `syncd.testing.TriggerContract`):
     1. `listen` runs until cancelled; it mends its own connection with jitter, and raises only what a person has to mend.
     2. A message is acknowledged only after `wake` returned for it: by then the wake is durable. If `wake` raises `TryAgain`, the
        message is left to come again.
     3. A message that cannot be understood is counted, logged without its content, and acknowledged (put aside where the broker
        has a place for that): it never blocks those behind it.
     4. Repetition is harmless. Order does not matter.
     5. Cancellation leaves nothing running and nothing acknowledged that was not waked.
     6. `check()` as a source's.
     7. Secrets and what messages say of people never occur in errors or `repr`.
    """

    settings: ClassVar[type[Any]]

    def __init__(self, settings: Any, room: Room) -> None: ...

    async def listen(self, wake: Callable[[Wake], Awaitable[None]]) -> None: ...

    def check(self) -> AsyncIterator[Verdict]: ...


class Target(AbstractAsyncContextManager["Target"], Protocol):
    """Where the org tree is written.

    Rules (checked by `syncd.testing.TargetContract`):
     1. `fields` names every field that rules may write, by kind, with its limits; and those that are `read_only`.
     2. `normalise` says a value the way the target would store it; it is pure and idempotent, and it raises nothing.
     3. `observe()` yields every object that the target shows, each once, references as target ids, then ends;
        `observed()` then tells whether that was everything.
     4. `apply(change, key=…)` does the whole change or nothing that would survive its repetition, and returns an outcome.
     5. Applied twice with one key, a change has the effect of once; `again=True` says that an earlier attempt may have
        reached the platform, and the target reads back before it writes.
     6. A time-out after sending is settled by reading back inside `apply`, never by repeating blindly.
     7. An object that is not named by the change, and a field that is not named in it, is not touched.
     8. Creating what is there already adopts it if it carries our mark, and is otherwise rejected with the problem named.
     9. Removing what is gone already is `Applied`.
    10. The platform's limits are obeyed by the target itself; callers may call as concurrently as they like.
    11. `apply` raises nothing but cancellation; `observe` raises as a source does.
    12. Secrets and people's values never occur in problems, except the label.
    """

    settings: ClassVar[type[Any]]
    fields: ClassVar[Mapping[Kind, Mapping[str, FieldSpec]]]
    """Every target calls these fields by these names, because the plan gives them a meaning: of persons `departments`
    (memberships), `manager`, `userid` (the target id, where it can be chosen); of units `name`, `parent`, `managers`."""
    hidden: ClassVar[Values]
    """The fields that make a unit invisible, for the department in which leavers wait."""

    def __init__(self, settings: Any, room: Room) -> None: ...

    @property
    def root(self) -> TargetId:
        """The object under which units without a parent are put."""
        ...

    def normalise(self, kind: Kind, fields: Values) -> Values: ...

    def mark(self, subject: SubjectId) -> str:
        """Return the key of ours that an object of `subject` carries, where the target can hold one."""
        ...

    def observe(self) -> AsyncIterator[Observed]: ...

    def observed(self) -> Completeness:
        """Return the certificate of the last finished `observe`."""
        ...

    async def look(self, kind: Kind, target_id: TargetId) -> Observed | None:
        """Return one object as it is now, None if there is no such object."""
        ...

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:
        """Do `change`; references in it have been resolved to target ids by the writer."""
        ...

    def check(self) -> AsyncIterator[Verdict]: ...


class Consumer(AbstractAsyncContextManager["Consumer"], Protocol):
    """Somebody who acts on what was confirmed (learning, OKR).

    The first thing a consumer hears is `reconcile`, with everybody who is there; from then on it hears facts. So people who
    were there before the consumer are not newcomers to it, and one that has lost its memory is healed by a census.

    Rules (checked by `syncd.testing.ConsumerContract`):
     1. Facts arrive in the order of their `sequence`, each at least once; hearing again what was heard before, a census
        included, changes nothing.
     2. What `receive` and `reconcile` returned from is durable: a consumer that is opened anew knows it. What they raised from
        comes again, all of it.
     3. Hearing all facts, and being handed the census that they amount to (`syncd.core.census.retold`), lead to the same
        state; also a census of the first ones, and then the rest.
     4. Who is not in a census is gone, whatever was heard before; a census older than what was heard is passed over.
     5. A fact of a field, a subject or a manager that the consumer does not know is taken like any other; nobody is invented.
     6. An empty `receive` is harmless.
     7. What the consumer cannot do now it raises as `TryAgain`, what a person has to mend as `NeedsHuman`; a call of more than
        two minutes is cut off, and comes again.
     8. Secrets never occur in errors or `repr`.
    """

    settings: ClassVar[type[Any]]

    def __init__(self, settings: Any, room: Room) -> None: ...

    async def receive(self, facts: Sequence[Fact]) -> None: ...

    async def reconcile(self, census: Census) -> None: ...


class Messenger(AbstractAsyncContextManager["Messenger"], Protocol):
    """Durable, deduplicated messages to people (work notice, robot, to-do).

    Rules (checked by `syncd.testing.MessengerContract`):
     1. Sending twice with one key is seen once by each person, also by a messenger that is opened anew; the first text stands.
     2. Another key is another message, even with the same text to the same person.
     3. One key sent to more people later reaches only those whom it has not reached.
     4. Those who cannot be reached (unknown, gone) are returned, and keep nobody else from being told.
     5. A title or text that the platform finds too long is cut, not refused; an empty list of people is harmless.
     6. `TryAgain` and `NeedsHuman` mean that the message comes again with its key; who has it by then does not get it twice.
     7. Secrets, titles, texts and people's ids never occur in errors or `repr`.
    """

    settings: ClassVar[type[Any]]

    def __init__(self, settings: Any, room: Room) -> None: ...

    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that people on call should know, or should know to be over."""

    key: str
    """At most 255 characters; ties firing and resolution together."""
    severity: str
    title: str
    text: str
    """Everything that people need, whole: sinks that know only a title and a text lose nothing."""
    since: datetime
    resolved: bool = False
    message: str = ""
    """Names this very message, at most 64 characters of ASCII: one that comes again is one message."""
    news: str = ""
    """Why it comes now (`opened`, `repeated`, `resolved` …); what follows is in `text` already, in parts for programs."""
    rule: str = ""
    at: datetime | None = None
    who: tuple[str, ...] = ()
    number: int = 0
    """How many are concerned."""
    do: str = ""
    look: tuple[str, ...] = ()
    """Where to look: commands and pages."""


class Sink(AbstractAsyncContextManager["Sink"], Protocol):
    """One alert out.

    Rules (checked by `syncd.testing.SinkContract`):
     1. An alert that is sent again with its key is still one alert, as it was sent last; also by a sink that is opened anew.
     2. `resolved` closes the alert of that key, and no other; resolving what is not open is harmless.
     3. After its resolution a key can be opened again, as a new alert.
     4. Alerts of different keys do not touch each other, whatever they say; a key may hold any characters, 255 at most.
     5. A title or text that is too long is cut, not refused.
     6. What cannot be sent now is raised as `TryAgain`, what a person has to mend as `NeedsHuman`; the alert comes again.
     7. Secrets never occur in errors or `repr`.
     8. `check()` as a source's, and sends no alert; a channel of which nothing can be known by that yields nothing.
    """

    settings: ClassVar[type[Any]]

    def __init__(self, settings: Any, room: Room) -> None: ...

    async def send(self, alert: Alert) -> None: ...

    def check(self) -> AsyncIterator[Verdict]: ...


SourceFactory = Callable[[Any, Room], Source]
TargetFactory = Callable[[Any, Room], Target]

__all__ = [
    "Alert",
    "Consumer",
    "Messenger",
    "Room",
    "Sink",
    "Source",
    "SourceFactory",
    "SourceName",
    "Standing",
    "Target",
    "TargetFactory",
    "Telling",
    "Trigger",
    "Verdict",
    "Watching",
    "WritingBack",
]
