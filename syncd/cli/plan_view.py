"""How a plan is shown: grouped, counted, each change with old → new and its reason. It prints; it computes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncd.core.model import Aside, Change, FieldChange, Kind, Op, Plan, Reason, SubjectId
from syncd.core.values import Value, is_empty

if TYPE_CHECKING:
    from rich.text import Text

    from syncd.cli.render import Output
    from syncd.core.policy import Hold, Judgement

TITLES: Final[Mapping[tuple[Op, Kind], str]] = {
    (Op.CREATE, Kind.UNIT): "Departments to create",
    (Op.ADOPT, Kind.UNIT): "Departments to adopt",
    (Op.UPDATE, Kind.UNIT): "Departments to change",
    (Op.LINK, Kind.UNIT): "Departments: leaders to set",
    (Op.REMOVE, Kind.UNIT): "Departments to remove",
    (Op.CREATE, Kind.GROUP): "Roles to create",
    (Op.ADOPT, Kind.GROUP): "Roles to adopt",
    (Op.UPDATE, Kind.GROUP): "Roles to rename",
    (Op.REMOVE, Kind.GROUP): "Roles to remove",
    (Op.CREATE, Kind.PERSON): "People to create",
    (Op.ADOPT, Kind.PERSON): "People to adopt",
    (Op.UPDATE, Kind.PERSON): "People to change",
    (Op.LOGIN, Kind.PERSON): "People who sign in with something else",
    (Op.LINK, Kind.PERSON): "People: managers to set",
    (Op.ROLES, Kind.PERSON): "People: roles to give and to take away",
    (Op.OFFBOARD, Kind.PERSON): "Leavers to put out of sight",
    (Op.REMOVE, Kind.PERSON): "People to remove",
    (Op.CREATE, Kind.CONTACT): "External contacts to create",
    (Op.ADOPT, Kind.CONTACT): "External contacts to adopt",
    (Op.UPDATE, Kind.CONTACT): "External contacts to change",
    (Op.REMOVE, Kind.CONTACT): "External contacts to remove",
    (Op.WRITE_BACK, Kind.PERSON): "People: written back to their sources",
}
SIGNS: Final = {
    Op.CREATE: ("+", "green"),
    Op.ADOPT: ("=", "cyan"),
    Op.UPDATE: ("~", "yellow"),
    Op.LINK: ("~", "yellow"),
    Op.LOGIN: ("~", "yellow"),
    Op.ROLES: ("~", "yellow"),
    Op.WRITE_BACK: ("<", "magenta"),
    Op.LOOK: ("?", "cyan"),
}
GONE: Final = ("-", "red")
FEW: Final = 12
"""How many changes of one kind are shown without --all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The part of a plan that is shown: of each kind of change the first `most`, and how many there are."""

    plan: Plan
    judgement: Judgement
    most: int
    counts: Mapping[tuple[Op, Kind], int]
    shown: Mapping[tuple[Op, Kind], Sequence[Change]]

    @classmethod
    def of(cls, plan: Plan, judgement: Judgement, *, most: int | None = FEW) -> Excerpt:
        """Choose what to show; with `most` None, everything. A plan's changes stand in their order, and are looked at once."""
        most = len(plan.changes) + len(plan.aside) + len(plan.warnings) if most is None else most
        counts: Counter[tuple[Op, Kind]] = Counter()
        shown: dict[tuple[Op, Kind], list[Change]] = {key: [] for key in TITLES}
        for change in plan.changes:
            key = change.op, change.kind
            counts[key] += 1
            if counts[key] <= most:
                shown[key].append(change)
        return cls(plan=plan, judgement=judgement, most=most, counts=counts, shown=shown)

    @property
    def changes(self) -> Iterator[Change]:
        """Yield the changes that are shown."""
        return (change for some in self.shown.values() for change in some)


def tell_plan(
    out: Output, excerpt: Excerpt, *, names: Mapping[str, str], where: bool = False, unread: bool = False
) -> None:
    """Print a plan for people. `names` says what to call a subject; `where` adds each field's rule (file:line); `unread` says
    that a source could not be read, so that an empty plan proves nothing."""
    plan, judgement, most = excerpt.plan, excerpt.judgement, excerpt.most
    held = {_key(change) for hold in judgement.holds for change in hold.changes}
    if not plan.changes and unread:
        out.say("Nothing to do by what is known; not every source could be read.", style="yellow")
    elif not plan.changes:
        out.say("Nothing to do: the target is as the sources say.", style="green")
    for key, changes in excerpt.shown.items():
        if not changes:
            continue
        out.say(f"\n{TITLES[key]} ({excerpt.counts[key]})", style="bold")
        for change in changes:
            _tell_change(out, change, _key(change) in held, names, where)
        if len(changes) < excerpt.counts[key]:
            out.say(f"  … and {excerpt.counts[key] - len(changes)} more; --all shows everyone", style="dim")
    _tell_asides(out, plan.aside, most)
    _tell_warnings(out, plan, most)
    for hold in judgement.holds:
        _tell_hold(out, hold)
    _tell_sum(out, plan, judgement)


def _key(change: Change) -> tuple[SubjectId, Op, int]:
    """Return what tells a change of a plan from all others: the same change may come as another object."""
    return change.subject, change.op, change.rank


def _tell_change(out: Output, change: Change, is_held: bool, names: Mapping[str, str], where: bool) -> None:
    from rich.text import Text

    sign, colour = SIGNS.get(change.op, GONE)
    line = Text(f"  {sign} ", style=colour)
    line.append(_clean(change.label), style="bold")
    line.append(f"  {change.target_id or ''}".rstrip(), style="dim")
    if is_held:
        line.append("  held", style="bold yellow")
    line.append(f"  {_clean(change.reason)}", style="dim")
    out.line(line)
    if change.op is Op.CREATE:
        out.line(_summary(change, names))
        return
    for item in change.fields:
        out.line(_field(item, names, where))


def _summary(change: Change, names: Mapping[str, str]) -> Text:
    """Show what is in a new object, without its name, which stands above."""
    from rich.text import Text

    words = [
        f"{item.name} {_word(item.after, names)}"
        for item in change.fields
        if item.name != "name" and not is_empty(item.after)
    ]
    return Text("      " + _clean(" · ".join(words)), style="none")


def _field(item: FieldChange, names: Mapping[str, str], where: bool) -> Text:
    from rich.text import Text

    line = Text(f"      {item.name:<12} ")
    line.append(_clean(_word(item.before, names)) or "(nothing)", style="red" if not is_empty(item.before) else "dim")
    line.append(" → ")
    line.append(_clean(_word(item.after, names)) or "(nothing)", style="green" if not is_empty(item.after) else "dim")
    if where and item.rule.file:
        line.append(f"   {item.rule}", style="dim")
    return line


def _clean(text: str) -> str:
    from syncd.cli.render import clean

    return clean(text).replace("\n", " ")


def _word(value: Value, names: Mapping[str, str]) -> str:
    """Return a value as people write it; subjects by their names."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return names.get(value, value)
        case Mapping():
            if "unit" in value:
                return names.get(str(value["unit"]), str(value["unit"])) + (
                    f" ({value['title']})" if value.get("title") else ""
                )
            return ", ".join(f"{key}={_word(item, names)}" for key, item in value.items())
        case int() | float():
            return str(value)
        case _:
            return ", ".join(_word(item, names) for item in value)


def _tell_asides(out: Output, asides: Sequence[Aside], most: int) -> None:
    by_reason: dict[Reason, list[Aside]] = {}
    for aside in asides:
        by_reason.setdefault(aside.reason, []).append(aside)
    for reason, some in by_reason.items():
        if reason is Reason.EXCLUDED and len(some) > most:
            counted = Counter(aside.why for aside in some)
            out.say(f"\nExcluded by rule ({len(some)})", style="bold")
            for why, number in counted.most_common(most):
                out.say(f"  {number:>5}  {why}", style="dim")
            continue
        out.say(f"\nLeft as they are: {reason} ({len(some)})", style="bold")
        for aside in some[:most]:
            out.say(
                f"  ! {aside.label}: {aside.why or '; '.join(str(problem) for problem in aside.problems)}",
                style="yellow",
            )
        if len(some) > most:
            out.say(f"  … and {len(some) - most} more; --all shows everyone", style="dim")


def _tell_warnings(out: Output, plan: Plan, most: int) -> None:
    if not plan.warnings:
        return
    out.say(f"\nWarnings ({len(plan.warnings)})", style="bold")
    for problem in plan.warnings[:most]:
        out.problem(problem, sign="")
    if len(plan.warnings) > most:
        out.say(f"  … and {len(plan.warnings) - most} more; --all shows everyone", style="dim")


def _tell_hold(out: Output, hold: Hold) -> None:
    out.say(f"\nHeld by the guard: {len(hold.changes)} × {hold.effect}", style="bold yellow")
    for reason in hold.reasons:
        out.say(f"  {reason}")
    if hold.waiting:
        out.say(f"  {len(hold.waiting)} other changes wait for these")


def _tell_sum(out: Output, plan: Plan, judgement: Judgement) -> None:
    counts = Counter(f"{change.op} {change.kind}" for change in plan.changes)
    parts = [f"{number} {what}" for what, number in sorted(counts.items())]
    held = len(plan.changes) - len(judgement.allowed)
    out.say()
    if parts:
        out.say(f"Plan: {', '.join(parts)}; {len(judgement.allowed)} may be written, {held} held.", style="bold")
    if plan.unmanaged:
        out.say(f"Not linked to anybody in the target, and left alone: {plan.unmanaged}.", style="dim")
    out.say(f"Fingerprint {plan.fingerprint[:16]}", style="dim")
