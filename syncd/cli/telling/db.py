"""How the state is told of as a thing. It prints; it judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncd.cli.telling.words import count, stamp

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.cli.upkeep import Described, Examined, Restored


def tell_info(out: Output, found: Described) -> None:
    """Print where the state is and how it was cared for."""
    size = "kept by the server" if found.bytes is None else _megabytes(found.bytes)
    free = "" if found.disk_free is None else f"; {_megabytes(found.disk_free)} free there"
    backup = f"{stamp(found.backup_at)}: {found.backup}" if found.backup_at else "none was made by syncd"
    for name, text in (
        ("Database", found.database),
        ("Schema", found.schema),
        ("Size", size + free),
        ("Audit log", f"head {found.audit_head}" if found.audit_head else "empty"),
        ("Last backup", backup),
        ("Last examined", stamp(found.checked_at) if found.checked_at else "never (syncd db check)"),
    ):
        out.say(f"{name:<14} {text}")
    if found.restored_at is not None:
        out.say(
            f"Put back from a backup {stamp(found.restored_at)}; not everything was read again yet.", style="yellow"
        )


def tell_check(out: Output, found: Examined) -> None:
    """Print that everything is sound."""
    head = f", head {found.head}" if found.head else ""
    out.say(f"Sound: {found.path}, schema {found.schema}; {count(found.entries, 'audit record')}{head}.", style="green")


def tell_restored(out: Output, done: Restored) -> None:
    """Print what was put back, and what comes next."""
    out.say(f"{done.backup} is the state now; its audit log ended at {done.head or 'its beginning'}.", style="green")
    if done.kept is not None:
        out.say(f"What it replaced is kept as {done.kept}: with what was recorded since. Keep it for the auditors.")
    out.say("Nothing is written until everything was read again and somebody has accepted the plan:")
    out.say("  syncd plan, then: syncd sync --accept, then: systemctl start syncd")


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"
