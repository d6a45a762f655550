"""How one person is explained: who it is, from which records, which rule made each value, and what would be written.

Values of people are shown: who may read the state may see them. It prints; it computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.words import NOTHING, arrow, count, relative, span, stamp, where, word
from syncd.core.model import Aside, Kind, Link, Op, SourceName
from syncd.core.values import Value
from syncd.core.welcome import Fate, News, Word

if TYPE_CHECKING:
    from rich.text import Text

    from syncd.cli.render import Output
    from syncd.engine.believing import PassedOver
    from syncd.engine.explain import Explanation
    from syncd.mapping.results import FieldTrace, Trace
    from syncd.store.leavings import Leaving


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to tell it."""

    base: Path
    """Files are named relative to it."""
    now: datetime
    trace: bool = False
    """Show every value after every step, inbound too."""
    offline: bool = False
    """Nothing is known of the target."""


def tell_explanation(out: Output, one: Explanation, manner: Manner) -> None:
    """Print everything about one subject."""
    _header(out, one, manner)
    _records(out, one, manner)
    _left_aside(out, one, manner)
    _decisions(out, one, manner)
    if one.outbound is not None and one.outbound.fields:
        _fields(out, one, one.outbound, manner)
    if manner.trace:
        _traces(out, one, manner)
    if not manner.offline:
        _writing(out, one, manner)
        _queue(out, one, manner)
        _words(out, one, manner)
    if not manner.trace:
        out.say("\n--trace shows every value after every step.", style="dim")


def _header(out: Output, one: Explanation, manner: Manner) -> None:
    kind = one.entity.kind if one.entity else one.records[0].kind if one.records else "record"
    out.say(f"{one.label}  {one.subject or f'a {kind} that is not joined to anybody yet'}", style="bold")
    if manner.offline:
        out.say(
            "  a record that was given; nothing is known of the target, and references stay as they are", style="dim"
        )
    else:
        out.say(f"  {_link(one.link, manner.now)}", style="none" if one.link else "yellow")
    if one.leaving:
        out.say(f"  a leaver: {one.leaving}", style="bold yellow")
    if one.outbound is not None and one.outbound.kind is Kind.CONTACT:
        out.say("  an outsider, who by the rules under `contact` becomes an external contact and no account")
    if (by_hand := one.offboarded) is not None:
        told = f"offboarded by {by_hand.decided_by} {relative(by_hand.decided_at, manner.now)}: {by_hand.reason}"
        out.say(f"  {told}; `syncd offboard … --undo` takes it back", style="yellow")
    if one.left is not None:
        out.say(f"  {_left(one.left, manner.now)}")
    if one.handed_from:
        out.say(f"  {one.handed_from} has left, and is still named as the manager: the next one above has taken over")
    if one.leads:
        units = ", ".join(str(word(unit, one.names)) for unit in one.leads)
        out.say(f"  a member of {units} for leading it, by `heads: add`")
    if one.observed is not None and one.observed.protected:
        out.say("  protected: never touched", style="yellow")
    for name, texts in (one.entity.unresolved if one.entity else {}).items():
        out.say(f"  {name} names {', '.join(texts)}, which nobody is known as", style="yellow")


def _link(link: Link | None, now: datetime) -> str:
    if link is None:
        return "not linked to anything in the target"
    made = "adopted" if link.adopted else "made by syncd"
    what = "external contact " if link.kind is Kind.CONTACT else ""
    return f"{link.state} to {what}{link.target_id}, {made} {relative(link.since, now)}"


def _left(row: Leaving, now: datetime) -> str:
    """Say when somebody was removed, and what the target's own record has of it."""
    told = f"removed by syncd {relative(row.removed_at, now)}" if row.removed_at is not None else ""
    if row.left_at is None:
        return f"{told}; the target's own records do not say so yet"
    record = f"the target's own record: {stamp(row.left_at)}, they {row.left_by.words}"
    return f"{told}; {record}" if told else record


def _records(out: Output, one: Explanation, manner: Manner) -> None:
    if not one.records:
        return
    out.say()
    rows = []
    for row in one.records:
        state = f"gone since {stamp(row.absent_since)}" if row.absent_since else str(row.state)
        changed = relative(row.changed_at, manner.now) if row.changed_at else NOTHING
        if row.source in one.stale:
            read = one.stale[row.source]
            state = f"{state}, stale: last read {relative(read, manner.now) if read else 'long ago'}"
        rows.append((row.source, row.native_id, state, changed, row.label))
    out.table(("Source", "Record", "State", "Changed there", "Name"), rows)


def _left_aside(out: Output, one: Explanation, manner: Manner) -> None:
    results = [trace.result for _, trace in one.inbound] + ([one.outbound.result] if one.outbound else [])
    # What the rules say now has places; what a run has kept of it is text.
    asides = {aside.name: aside for aside in (*one.asides, *results) if isinstance(aside, Aside)}
    for aside in asides.values():
        out.say(f"\nLeft as it is: {aside.reason}", style="bold yellow")
        if aside.why and not aside.problems:
            out.say(f"  {aside.why}")
        for problem in aside.problems:
            out.problem(problem, sign="")
    told = [told for row in one.records for told in row.problems]
    if told and not asides:
        out.say("\nNoted when it was mapped", style="bold")
        for each in told:
            out.say(f"  {each.what} {each.do} {where(each.place, manner.base)}")


def _decisions(out: Output, one: Explanation, manner: Manner) -> None:
    """Print who else it may be, and what people have decided about that."""
    if not one.decisions:
        return
    out.say("\nWho is who", style="bold")
    for row in one.decisions:
        pair, proposal = row.pair, row.proposal
        record = f"{pair.source}/{pair.native_id} ({proposal.label})"
        if row.decided_at is None:
            out.say(
                f"  {pair.id}: {record} may be {proposal.other}, by {proposal.step}: syncd links review", style="yellow"
            )
            continue
        said = "is" if row.state == "accepted" else "is not"
        when_ = relative(row.decided_at, manner.now)
        out.say(f"  {record} {said} {proposal.other}: decided by {row.by} {when_}, because: {row.reason}")


# --- fields ---------------------------------------------------------------------------------------------------------


def _fields(out: Output, one: Explanation, trace: Trace, manner: Manner) -> None:
    """Print what the target shall hold, what it holds where that differs, and below it why: rule, source, who lost."""
    out.say("\nWhat the target shall hold", style="bold")
    said = [field for field in trace.fields if not field.absent]
    width = max((len(field.field) for field in said), default=0)
    for field in said:
        out.line(_shall(one, field, width, manner))
        for line in _because(one, field, manner):
            out.say(f"  {'':{width}}    {line}", style="dim")
    silent = [field.field for field in trace.fields if field.absent and field.problem is None]
    if silent:
        out.say(f"Not ours to touch, because nothing is said about it: {', '.join(silent)}", style="dim")
    for field in trace.fields:
        if field.problem is not None:
            out.problem(field.problem)


def _shall(one: Explanation, field: FieldTrace, width: int, manner: Manner) -> Text:
    from rich.text import Text

    from syncd.cli.render import clean

    differs = _differs(one, field)
    value = clean(word(one.wanted.get(field.field, field.output), one.names))
    text = Text(f"  {field.field:<{width}}  ", style="bold")
    text.append(value, style="bold green" if differs else "not bold")
    if not manner.offline and one.observed is not None:
        text.append(*_is(one, field, differs))
    return text


def _is(one: Explanation, field: FieldTrace, differs: bool) -> tuple[str, str]:
    """Return what the target holds, and how to show it."""
    from syncd.cli.render import clean

    if one.observed is not None and field.field in one.observed.unreadable:
        return "  (the target does not let us read it)", "not bold yellow"
    if not differs:
        return "", ""
    return f"   now: {clean(word(one.seen.get(field.field), one.names))}", "not bold red"


def _differs(one: Explanation, field: FieldTrace) -> bool:
    """Tell whether a change is planned for the field: the plan knows better than a comparison of texts."""
    return any(item.name == field.field for change in one.changes for item in change.fields)


def _because(one: Explanation, field: FieldTrace, manner: Manner) -> Iterator[str]:
    """Yield the rule, and for each of its inputs the source that won and those that lost."""
    note = f" — {field.note}" if field.note else ""
    yield f"{field.spelled}  {where(field.rule, manner.base)}{note}"
    for name, value in field.inputs.items():
        if value is not None:
            yield from _origin(one, name, value, manner)


def _origin(one: Explanation, name: str, value: Value, manner: Manner) -> Iterator[str]:
    origin = one.entity.origins.get(name) if one.entity else None
    if origin is None:
        return
    traced = _inbound_field(one, origin.source, name)
    how = _walk(traced, one.names) if traced is not None else name
    passed = one.passed_over.get(name, {})
    last = f" — though {_terms(passed[origin.source], manner.now)}" if origin.source in passed else ""
    yield f"← {origin.source}: {how}  {where(origin.rule, manner.base)}{last}"
    for source, said in _losers(one, name, origin.source):
        if source in passed:
            yield f"  (passed over: {source} says {word(said, one.names)}; {_terms(passed[source], manner.now)})"
        elif said != value:
            yield f"  (overruled: {source} says {word(said, one.names)})"


def _terms(why: PassedOver, now: datetime) -> str:
    """Return which of its terms in `join.precedence` a source's word does not meet."""
    if why.most is None:
        return f"its word counts when {why.condition}"
    read = f"{relative(why.read_at, now)}" if why.read_at is not None else "never"
    return f"it was last read well {read}, and counts for {span(why.most)}"


def _walk(traced: FieldTrace, names: Mapping[str, str]) -> str:
    """Return how a source's value became a fact: its inputs, the steps, and the result where it is another value."""
    inputs = [f"{name} “{word(value, names)}”" for name, value in traced.inputs.items() if value is not None]
    steps = [step for step, _ in traced.steps]
    changed = traced.output not in traced.inputs.values()
    ends = [f"“{word(traced.output, names)}”"] if changed and steps else []
    return " → ".join([", ".join(inputs) or traced.spelled, *steps, *ends])


def _inbound_field(one: Explanation, source: str, name: str) -> FieldTrace | None:
    return next(
        (field for who, trace in one.inbound if who == source for field in trace.fields if field.field == name), None
    )


def _losers(one: Explanation, name: str, winner: str) -> Iterator[tuple[SourceName, Value]]:
    """Yield what the other sources say about an attribute."""
    for source, trace in one.inbound:
        if source != winner and isinstance(trace.result, Mapping) and name in trace.result:
            yield source, trace.result[name]


# --- traces ---------------------------------------------------------------------------------------------------------


def _traces(out: Output, one: Explanation, manner: Manner) -> None:
    for source, trace in one.inbound:
        out.say(f"\nWhat {source} says ({trace.name})", style="bold")
        _trace(out, one, trace, manner)
    if one.outbound is not None:
        out.say("\nWhat that means for the target", style="bold")
        _trace(out, one, one.outbound, manner)


def _trace(out: Output, one: Explanation, trace: Trace, manner: Manner) -> None:
    for field in trace.fields:
        result = "(nothing said)" if field.absent else word(field.output, one.names)
        out.say(f"  {field.field} = {result}", style="dim" if field.absent else "none")
        out.say(f"      {where(field.rule, manner.base)}  {field.spelled}", style="dim")
        for name, value in field.inputs.items():
            out.say(f"      {name} = {word(value, one.names)}")
        for step, value in field.steps:
            out.say(f"      {step} → {word(value, one.names)}")
        if field.note:
            out.say(f"      {field.note}", style="dim")
        if field.problem is not None:
            out.say(f"      {field.problem}", style="red")
    for unit in trace.units:
        out.say(f"  unit {unit.key} below {unit.parent or 'the root'}: {word(unit.facts)}", style="dim")


# --- what would happen ----------------------------------------------------------------------------------------------


def _writing(out: Output, one: Explanation, manner: Manner) -> None:
    out.say()
    if not one.changes:
        out.say("Nothing would be written.", style="green" if one.link else "none")
        return
    held = f"; held by the guard for {', '.join(one.held)} (syncd hold list)" if one.held else ""
    out.say(f"Would be written{held}", style="bold yellow" if held else "bold")
    for change in one.changes:
        out.say(f"  {change.op}: {change.reason}")
        for item in change.fields if change.op is not Op.CREATE else ():
            out.say(f"    {item.name}: {arrow(item, one.names)}  {where(item.rule, manner.base)}".rstrip())


def _queue(out: Output, one: Explanation, manner: Manner) -> None:
    waiting = [row for row in one.queued if row.settled_at is None or row.state == "parked"]
    if not waiting:
        return
    out.say("\nIn the queue", style="bold")
    for row in waiting:
        problem = f": {row.problem.what} [{row.problem.code}]" if row.problem else ""
        due = f", due {relative(row.due_at, manner.now)}" if row.state in ("ready", "pending") else ""
        out.say(f"  {row.id} {row.change.op} is {row.state}{due}, {row.attempt} tries{problem}")


_NEWS: Final = {
    News.COMES: "of the first day, {day}",
    News.MOVED: "that the first day is {day} instead",
    News.OFF: "that {day} is off",
}


def _words(out: Output, one: Explanation, manner: Manner) -> None:
    """Print who was told of the first day, and who is to be."""
    if not one.words:
        return
    out.say("\nWho is told of the first day", style="bold")
    for each in one.words:
        what = _NEWS[each.news].format(day=each.day)
        out.say(f"  {each.to.label} ({each.to.account}) {_fate(each, what, manner.now)}")


def _fate(word: Word, what: str, now: datetime) -> str:
    settled = relative(word.settled_at, now) if word.settled_at is not None else ""
    tried = f" ({count(word.attempts, 'try', 'tries')}, {word.code})" if word.code else ""
    match word.fate:
        case Fate.SENT:
            return f"was told {what}, {settled}"
        case Fate.UNREACHABLE:
            return f"could not be told {what}: unknown in the target, {settled}"
        case Fate.LATE:
            return f"was not told {what}: it could not be sent before the day began{tried}"
        case Fate.OVERTAKEN:
            return f"was not told {what}: that changed before it was sent{tried}"
        case Fate.WAITING:
            return f"is told {what}, {relative(word.due_at, now)}{tried}"
