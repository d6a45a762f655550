"""Progress on a terminal: bars while sources are read and changes are written. Silent when nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncd.cli.call import Call

WORDS: Final = {"read": "Reading sources", "observe": "Looking at the target", "plan": "Planning", "write": "Writing"}


@contextmanager
def shown(call: Call) -> Iterator[Callable[[str, int, int | None], None]]:
    """Return what the engine tells its progress to; it draws on standard error, and only on a terminal."""
    if call.json or call.quiet or not call.out.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=call.out.stderr), transient=True) as bars:
        tasks: dict[str, int] = {}

        def told(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(WORDS.get(stage, stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield told
