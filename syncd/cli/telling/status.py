"""One screen: is it working, and if not, what to do. It prints; it judges nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.source_status import tell_proof, tell_source
from syncd.cli.telling.words import count, relative, some, span, when
from syncd.core.leave_records import COUNTED
from syncd.core.values import moment

if TYPE_CHECKING:
    from rich.text import Text

    from syncd.cli.overview import Status
    from syncd.cli.render import Output
    from syncd.cli.standing import SourceStanding
    from syncd.store.rows import RunRow

_COUNTED: Final = ("planned", "confirmed", "deferred", "pending", "parked", "held", "aside")
_ALWAYS: Final = ("planned", "confirmed")
_NAMED: Final = 5
"""How many of those who were offboarded by hand are named."""
_PLURALS: Final = {"person": "people"}
_COLOURS: Final = {"done": "green", "nothing to do": "green", "held": "yellow", "planned only": "yellow"}


def tell_status(out: Output, status: Status, *, source: str = "") -> None:
    """Print the screen; with `source`, how that source stands instead of everything else."""
    _verdict(out, status)
    if source:
        for one in status.sources:
            tell_source(out, one, status.at)
        return
    _whole(out, status)
    _runs(out, status)
    _sources(out, status)
    for one in status.sources:
        if one.read is not None and not one.read.proven:
            tell_proof(out, one.name, one.read)
    _rest(out, status)


def _verdict(out: Output, status: Status) -> None:
    if not status.problems:
        out.say("All is well.", style="bold green")
        return
    colour = "bold red" if status.exit_code == 6 else "bold yellow"
    out.say(f"{count(len(status.problems), 'thing needs', 'things need')} somebody:", style=colour)
    for problem in status.problems:
        out.problem(problem, sign="")


def _runs(out: Output, status: Status) -> None:
    if not status.runs:
        return
    out.say()
    # What never happened needs no column: the screen shall fit a small window.
    counted = [name for name in _COUNTED if name in _ALWAYS or any(run.counts.get(name) for run in status.runs)]
    columns = ("Last runs", "Result", *(f"#{name}" for name in counted))
    out.table(columns, [_run(run, status.at, counted) for run in status.runs])


def _run(run: RunRow, now: datetime, counted: Sequence[str]) -> tuple[object, ...]:
    from rich.text import Text

    from syncd.cli.render import clean

    result = run.result or ("at work" if run.finished_at is None else "?")
    text = Text(clean(result), style=_COLOURS.get(result, "red" if result.startswith("failed") else "yellow"))
    return (when(run.started_at, now), text, *(_number(run.counts.get(name)) for name in counted))


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _sources(out: Output, status: Status) -> None:
    out.say()
    rows = [_source(one, status.at) for one in status.sources]
    out.table(("Source", "Last read", "", "#Records", "Complete", "Last proven in full"), rows)


def _source(one: SourceStanding, now: datetime) -> tuple[object, ...]:
    if one.read is None:
        return one.name, "never", "", "", "", ""
    good = "the same" if one.good_at == one.read.finished_at else relative(one.good_at, now) if one.good_at else "never"
    kind = "full" if one.read.full else "delta"
    return one.name, when(one.read.finished_at, now), kind, f"{one.read.count:,}", _proven(one.read.proven), good


def _proven(proven: bool) -> Text:
    from rich.text import Text

    return Text("proven", style="green") if proven else Text("NOT proven", style="bold red")


def _rest(out: Output, status: Status) -> None:
    """The parts that are one line each, with their names in one column."""
    out.say()
    for name, text in (
        (f"Target {status.target}", _target(status)),
        ("Queue", _queue(status)),
        ("Holds", _holds(status)),
        ("Left aside", _nested(status.asides) or "nobody"),
        *((("Offboarded", _offboarded(status)),) if status.offboarded else ()),
        *((("Removed", _removed(status)),) if status.removals.removed or status.records_failing else ()),
        ("Next run", _next(status)),
        *((f"Consumer {name}", _consumer(behind)) for name, behind in status.consumers.items()),
        ("Audit log", _audit(status)),
        ("Last backup", _backup(status)),
    ):
        _named(out, name, text)


def _named(out: Output, name: str, text: str) -> None:
    out.say(textwrap.fill(text, out.console.width, initial_indent=f"{name:<16}  ", subsequent_indent=" " * 18))


def _whole(out: Output, status: Status) -> None:
    """The answers to the first three questions: does it work, how right is the target, how fresh."""
    out.say()
    for name, text in (("Service", _service(status)), ("People", _people(status)), ("Freshness", _freshness(status))):
        _named(out, name, text)


def _service(status: Status) -> str:
    whole = status.whole
    if whole.service is None:
        return "not running; `syncd sync` and timers do its work" if status.runs else "not running"
    who = f"runs since {when(whole.service.since, status.at)} (process {whole.service.pid} on {whole.service.host})"
    if whole.next_at is None:
        return who
    due = relative(whole.next_at, status.at) if whole.next_at > status.at else "now"
    return f"{who}; the schedule's next look {due} at the latest"


def _people(status: Status) -> str:
    whole = status.whole
    if not whole.people:
        return "nobody is wanted in the target yet"
    wanted = f"{whole.people:,} wanted, {whole.linked:,} have an account ({_share(whole.linked, whole.people)})"
    return f"{wanted}, {whole.agreeing:,} of them known to be right ({_share(whole.agreeing, whole.people)} of all)"


def _share(part: int, whole: int) -> str:
    """Return a percentage that never says 100 where somebody is missing."""
    return "100 %" if part >= whole else f"{min(99.9, 100 * part / whole):.1f} %"


def _freshness(status: Status) -> str:
    whole = status.whole
    if whole.delays is None or whole.confirmed_at is None:
        return "nothing was confirmed yet"
    took = f"half of the last {count(whole.delays.count, 'change')} were there after {_length(whole.delays.median)}"
    return f"last confirmed {when(whole.confirmed_at, status.at)}; {took}, 99 of 100 after {_length(whole.delays.p99)}"


def _length(delay: timedelta) -> str:
    seconds = delay.total_seconds()
    return span(delay) if seconds >= 10 else f"{seconds:.1f} s"


def _backup(status: Status) -> str:
    at = status.whole.backup_at
    return when(at, status.at) if at is not None else "none by syncd (syncd db backup)"


def _target(status: Status) -> str:
    if status.observed_at is None:
        return "not looked at yet"
    objects = ", ".join(_some(number, kind) for kind, number in status.objects.items()) or "nothing in it"
    links = "; ".join(
        f"{_PLURALS.get(kind, f'{kind}s')} " + ", ".join(f"{number:,} {state}" for state, number in states.items())
        for kind, states in status.links.items()
    )
    return f"looked at {when(status.observed_at, status.at)}: {objects}; links: {links or 'none'}"


def _some(number: int, kind: str) -> str:
    return count(number, kind, _PLURALS.get(kind, ""))


def _queue(status: Status) -> str:
    queue = status.queue
    if not queue.open and not queue.parked:
        return "empty"
    parts = [f"{queue.ready:,} ready ({queue.due:,} due)", f"{queue.running:,} running", f"{queue.pending:,} pending"]
    parts.append(f"{queue.parked:,} parked")
    if queue.blocked:
        parts.append(f"{queue.blocked:,} wait for a parked one")
    whole = status.whole
    if whole.failing:
        parts.append(f"{whole.failing:,} failed three times or more")
    due = f"; next {relative(status.next_due_at, status.at)}" if status.next_due_at else ""
    lanes = ", ".join(f"{number:,} {lane}" for lane, number in whole.by_lane.items())
    oldest = (
        f"; waiting by lane: {lanes}, the oldest since {relative(whole.oldest_at, status.at)}"
        if whole.oldest_at
        else ""
    )
    return ", ".join(parts) + due + oldest.replace(" ago", "")


def _holds(status: Status) -> str:
    if not status.holds:
        return "none"
    return "; ".join(
        f"{hold.id} ({hold.count} × {hold.effect}, expires {relative(hold.expires_at, status.at)})"
        for hold in status.holds
    )


def _offboarded(status: Status) -> str:
    """Name those whom an operator let leave while the sources still have them; there are few at any time."""
    names, more = status.offboarded[:_NAMED], len(status.offboarded) - _NAMED
    rest = f" and {more:,} more" if more > 0 else ""
    return f"{', '.join(names)}{rest} by hand, and the sources do not say so yet (`syncd explain NAME`)"


def _removed(status: Status) -> str:
    """Say how many were removed of late, and of how many the target says so itself."""
    seen, failing = status.removals, status.records_failing
    told = (
        f"{_some(seen.removed, 'person')} in {COUNTED.days} days" if seen.removed else f"nobody in {COUNTED.days} days"
    )
    if seen.removed and (seen.read_at is not None or seen.confirmed):
        told += f", {seen.confirmed:,} confirmed by {status.target}'s own records"
    if seen.late:
        told += f"; of {seen.late:,} there is none after a day: {some(seen.late_labels)}"
    if failing is not None:
        told += f"; the records cannot be read since {when(failing.since, status.at)}: {failing.what} {failing.do}"
    return told


def _next(status: Status) -> str:
    """Say who is looked at again, whether or not their records change by then."""
    some = ", ".join(_some(number, kind) for kind, number in status.marked.items())
    whom = f"{some} looked at again" if some else "nobody is left to look at again"
    if status.everybody:
        whom = f"everybody is looked at again ({status.everybody})"
    if status.review_at is None:
        return whom
    return f"{whom}; the first date that changes something by itself: {when(status.review_at, status.at)}"


def _consumer(behind: int) -> str:
    return f"{count(behind, 'fact')} behind" if behind else "has heard everything"


def _nested(asides: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(
        f"{', '.join(_some(number, kind) for kind, number in kinds.items())} {reason}"
        for reason, kinds in sorted(asides.items())
    )


def _audit(status: Status) -> str:
    if not status.audit_head:
        return "empty"
    sequence, _, hash_ = status.audit_head.partition(":")
    head = f"{int(sequence):,} entries, head {hash_[:16]}…"
    if not status.audit_verified:
        return f"{head}; never verified (syncd audit verify)"
    upto = status.audit_verified.partition(":")[0]
    return f"{head}; verified up to {int(upto):,}, {relative(moment(status.audit_verified_at), status.at)}"
