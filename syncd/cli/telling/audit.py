"""How audit records are told: what happened to whom, by whom, why, old → new. It prints; it proves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncd.cli.telling.words import count, word
from syncd.core.values import moment

if TYPE_CHECKING:
    from syncd.audit.verify import Verdict
    from syncd.cli.render import Output

Record = Mapping[str, Any]
"""A record as its body says it; what is empty is left out."""
_COLOURS: Final = {
    "change.confirmed": "green",
    "change.rejected": "red",
    "change.unknown": "red",
    "change.deferred": "yellow",
    "change.pending": "yellow",
    "hold.opened": "yellow",
    "hold.released": "bold yellow",
    "operator.command": "bold cyan",
}
_TOLD_APART: Final = ("by", "command")


def tell_records(out: Output, records: Sequence[Record], names: Mapping[str, str], *, base: Path, left: int) -> None:
    """Print records, oldest first; `left` says how many older ones were left out."""
    if left:
        out.say(f"… {left:,} older; -n shows more", style="dim")
    for record in records:
        _record(out, record, names, base)
    if not records:
        out.say("No record fits.", style="yellow")


def _record(out: Output, record: Record, names: Mapping[str, str], base: Path) -> None:
    from rich.text import Text

    from syncd.cli.render import clean

    at = moment(record["at"])
    line = Text(f"{at:%Y-%m-%d %H:%M:%S}Z ", style="dim")
    line.append(f"#{record['seq']:<6} ", style="dim")
    line.append(f"{record['type']:<17} ", style=_COLOURS.get(record["type"], "none"))
    whom = record.get("label") or names.get(record.get("subject", ""), record.get("subject", ""))
    line.append(clean(" ".join(part for part in (record.get("op", ""), whom) if part)), style="bold")
    line.append(f"  {clean(_why(record))}".rstrip(), style="none")
    line.append(f"  [{clean(_actor(record))}]", style="dim")
    out.line(line)
    for field in record.get("fields", ()):
        change = f"{word(field['before'], names)} → {word(field['after'], names)}"
        out.say(f"    {field['name']}: {change}  {field['rule'].removeprefix(f'{base}/')}".rstrip())
    facts = {name: value for name, value in record.get("facts", {}).items() if name not in _TOLD_APART}
    if facts:
        out.say("    " + ", ".join(f"{name} {word(value, names)}" for name, value in facts.items()), style="dim")


def _why(record: Record) -> str:
    command = record.get("facts", {}).get("command", "")
    return ": ".join(part for part in (command, record.get("reason", "")) if part)


def _actor(record: Record) -> str:
    actor, by = record["actor"], record.get("facts", {}).get("by", "")
    user = f"{by} as {actor['user']}" if by and by != actor["user"] else actor["user"]
    return f"{actor['service']}, {user}@{actor['host']}"


def tell_verdict(out: Output, verdict: Verdict, *, remembered: bool) -> None:
    """Print what a verification of a sound log found."""
    if verdict.head is None:
        out.say("The audit log is empty.", style="yellow")
        return
    out.say(f"Sound: {count(verdict.entries, 'record')}, head {verdict.head}", style="bold green")
    if verdict.open_intents:
        begun = count(len(verdict.open_intents), "change was begun and has", "changes were begun and have")
        out.say(f"{begun} no outcome yet: under way, or of a process that died and is read back.", style="yellow")
    if verdict.clock_went_back is not None:
        out.say(
            f"Record {verdict.clock_went_back} is older than the one before: the clock was set back.", style="yellow"
        )
    if not remembered:
        out.say(
            "Keep the head where the administrators of this machine cannot write, and give it back with --head: "
            "a log that was cut off or written anew looks sound by itself.",
            style="dim",
        )
