"""How rules are told: which there are, what their cases say, whom new ones change, what functions do. It prints only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.words import NOTHING, arrow, count, where, word

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.engine.preview import Impact, Shift
    from syncd.mapping.cases import CaseResult
    from syncd.mapping.functions import Function

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """One rule file that is in use."""

    name: str
    """The source's name in syncd.yaml, or the target's type."""
    direction: str
    """`inbound` or `outbound`."""
    file: Path
    digest: str
    reads: Mapping[str, Sequence[str]]
    """What the rules read, by kind: a source's attributes; nothing is listed for the target."""
    cases: Path | None
    """The cases beside it, where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The cases of one rule file."""

    rules: Path
    cases: Path
    results: tuple[CaseResult, ...]

    @property
    def failed(self) -> int:
        return sum(not result.passed for result in self.results)


def tell_sets(out: Output, sets: Sequence[RuleSet], base: Path) -> None:
    """Print every rule file with what it reads."""
    out.table(
        ("For", "Rules", "File", "Digest", "Cases"),
        [
            (
                one.name,
                one.direction,
                near(one.file, base),
                one.digest[:12],
                near(one.cases, base) if one.cases else NOTHING,
            )
            for one in sets
        ],
    )
    for one in sets:
        for kind, names in one.reads.items():
            if names:
                out.say(f"{one.name} reads of a {kind}: {', '.join(names)}", style="dim")


def near(file: Path, base: Path) -> str:
    """Return a file's name relative to the folder of syncd.yaml where it lies below it."""
    return str(file.resolve().relative_to(base)) if file.resolve().is_relative_to(base) else str(file)


# --- cases ----------------------------------------------------------------------------------------------------------


def tell_tested(out: Output, tested: Sequence[Tested], base: Path, *, everything: bool) -> None:
    """Print the cases that fail, with expected and actual; all of them with `everything`."""
    for one in tested:
        out.say(f"{near(one.cases, base)} against {near(one.rules, base)}", style="bold")
        for result in one.results:
            if not result.passed:
                _failed(out, result, base)
            elif everything:
                out.say(f"  ok      {result.name}", style="green")
    failed, total = sum(one.failed for one in tested), sum(len(one.results) for one in tested)
    if not total:
        out.say("There are no cases. Write some beside the rules: docs/how-to/edit-rules.md.", style="yellow")
    elif failed:
        out.say(f"{failed} of {count(total, 'case')} failed.", style="bold red")
    else:
        out.say(f"{count(total, 'case')} passed.", style="bold green")


def _failed(out: Output, result: CaseResult, base: Path) -> None:
    out.say(f"  FAILED  {result.name}  {where(result.place, base)}", style="red")
    for field, expected, actual in result.differences:
        out.say(f"          {field}")
        out.say(f"            expected  {word(expected)}", style="green")
        out.say(f"            came      {word(actual)}", style="red")
    if result.aside is not None:
        out.say(f"          it was set aside: {result.aside.reason} {result.aside.why}".rstrip())
        for problem in result.aside.problems:
            out.say(f"            {problem}")


# --- impact ---------------------------------------------------------------------------------------------------------


def tell_impact(out: Output, impact: Impact, names: Mapping[str, str], base: Path, *, everybody: bool) -> None:
    """Print whom new rules change and how: counts by field first, then people."""
    if not impact.shifts:
        out.say(
            f"Nobody changes: {count(impact.unchanged, 'object')} would be as with the rules in use.", style="green"
        )
        return
    fields = Counter((shift.kind, item.name) for shift in impact.shifts for item in shift.fields)
    rows = [(f"{kind} {name}", number) for (kind, name), number in fields.most_common()]
    moved = Counter(
        f"{shift.before or 'written'} → {shift.after or 'written'}" for shift in impact.shifts if _moves(shift)
    )
    out.table(("Changes", "#Objects"), [*rows, *moved.most_common()])
    out.say()
    shown = impact.shifts if everybody else impact.shifts[:_SHOWN]
    for shift in shown:
        _shift(out, shift, names, base)
    if len(shown) < len(impact.shifts):
        out.say(f"… and {len(impact.shifts) - len(shown):,} more; --all shows everybody", style="dim")
    total = len(impact.shifts) + impact.unchanged
    out.say(f"{len(impact.shifts):,} of {count(total, 'object')} would change. Nothing was written.", style="bold")


def _moves(shift: Shift) -> bool:
    return shift.before != shift.after


def _shift(out: Output, shift: Shift, names: Mapping[str, str], base: Path) -> None:
    out.say(f"{shift.label}  {shift.subject}", style="bold")
    if _moves(shift):
        out.say(f"    {shift.before or 'written'} → {shift.after or 'written'}", style="yellow")
    for item in shift.fields:
        out.say(f"    {item.name}: {arrow(item, names)}  {where(item.rule, base)}".rstrip())


# --- functions ------------------------------------------------------------------------------------------------------


def tell_functions(out: Output, families: Mapping[str, Sequence[Function]]) -> None:
    """Print every function in a line."""
    for family, functions in families.items():
        out.say(f"\n{family}", style="bold")
        out.table(("Function", "What it does"), [(one.name, one.doc.split("\n")[0]) for one in functions])
    out.say("\n`syncd mappings functions NAME` shows one with its parameters and examples.", style="dim")


def tell_function(out: Output, one: Function) -> None:
    """Print one function: what it takes and gives, its parameters, its examples."""
    from syncd.mapping.functions import UNSET
    from syncd.mapping.functions.reference import flow, item

    out.say(f"{one.name}: {' or '.join(sorted(one.takes))} → {one.gives}", style="bold")
    out.say(one.doc)
    if one.params:
        out.say()
        rows = [
            (
                param.name,
                " or ".join(param.choices) or param.type,
                "required" if param.default is UNSET else NOTHING if param.default is None else flow(param.default),
                param.doc,
            )
            for param in one.params
        ]
        out.table(("Parameter", "Type", "Default", "Meaning"), rows)
    out.say("\nExamples", style="bold")
    for example in one.examples:
        gives = f"refused ({example.fails})" if example.fails else word(example.gives)  # type: ignore[arg-type]
        out.say(f"  via: [{item(one, example.args)}]   {word(example.value)} → {gives}")
