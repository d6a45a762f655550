"""How commands print: sentences and tables for people, one JSON document for programs, problems for both.

On a terminal it uses colour and the terminal's width; piped, it writes plain text and never cuts a line. Text from sources and
targets is cleaned of control characters, so that no name can steer a terminal. It never logs.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Place, Problem
from syncd.core.ports import Standing, Verdict
from syncd.core.values import instant

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_V = TypeVar("_V")

# C0 and C1 controls (escape sequences begin with them), and the marks that reverse the reading direction (CVE-2021-42574).
_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
_UNSEEMLY: Final[dict[int, str | None]] = {
    **_CONTROLS,
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
}
_KEPT: Final = str.maketrans({"\n": "\n", "\t": "    "})
_SIGNS: Final = {
    Standing.OK: ("ok", "green"),
    Standing.WARNING: ("warning", "yellow"),
    Standing.FAILED: ("failed", "red"),
}
_LEAD: Final = re.compile(r" +(?:[-+~=!…] )?")
_PIPED_WIDTH: Final = 100_000
"""Characters; a program that reads the output wants whole lines."""


def clean(text: object) -> str:
    """Return text that cannot steer a terminal: controls are shown as �, line ends stay."""
    lines = str(text).translate(_KEPT).split("\n")
    return "\n".join(line.translate(_UNSEEMLY) for line in lines)


@dataclasses.dataclass
class Output:
    """Where a command prints. `json` makes everything but `result` and failures silent; `quiet` silences `note`."""

    json: bool
    quiet: bool
    stdout: TextIO
    stderr: TextIO

    @cached_property
    def console(self) -> Console:
        """Return the rich console on standard output, for what `say` and `table` cannot show."""
        return _console(self.stdout)

    @cached_property
    def _errors(self) -> Console:
        return _console(self.stderr)

    # --- for both readers ---

    def show(self, value: _V, tell: Callable[[Output], None]) -> None:
        """Print `value` as JSON with --json, and else let `tell` print it for people."""
        if self.json:
            self.result(value)
        else:
            tell(self)

    def result(self, value: object) -> None:
        """Print one JSON document: dataclasses as objects, words as text, instants as RFC 3339, durations in seconds."""
        json.dump(plain(value), self.stdout, ensure_ascii=False, indent=2)
        self.stdout.write("\n")

    # --- for people ---

    def say(self, text: object = "", *, style: str = "") -> None:
        """Print one sentence or paragraph of a result."""
        if not self.json:
            self._write(self.console, text, style)

    def line(self, text: Text) -> None:
        """Print one line that is styled already; its words have been cleaned by whoever made it."""
        if not self.json:
            _put(self.console, _hung(self.console, text))

    def note(self, text: object) -> None:
        """Print, on standard error, what is good to know and no part of the result."""
        if not self.json and not self.quiet:
            self._write(self._errors, text, "dim")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
        """Print a table. Columns whose name begins with `#` are aligned to the right (the sign is not shown)."""
        if self.json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD if self.console.is_terminal else None, pad_edge=False, title_justify="left")
        table.title = Text(clean(title), style="bold") if title else None
        for name in columns:
            table.add_column(
                name.removeprefix("#"), justify="right" if name.startswith("#") else "left", overflow="fold"
            )
        for row in rows:
            table.add_row(
                *(cell if isinstance(cell, Text) else Text(clean("" if cell is None else cell)) for cell in row)
            )
        _put(self.console, table)

    def verdict(self, verdict: Verdict) -> None:
        """Print one line of a check, and below it what to do if it is not well."""
        if self.json:
            return
        from rich.text import Text

        sign, colour = _SIGNS[verdict.standing]
        line = Text(f"{sign:<8} ", style=colour).append(clean(verdict.name), style="bold")
        line.append(f"  {clean(verdict.seen)}" if verdict.seen else "", style="none")
        _put(self.console, _hung(self.console, line, lead=9))
        if verdict.problem:
            self._problem(self.console, verdict.problem, "", indent=9)

    def problem(self, problem: Problem, *, sign: str = "warning") -> None:
        """Print a problem as part of a result: where, what, what to do, code."""
        if not self.json:
            self._problem(self.console, problem, sign, indent=0)

    # --- for the end ---

    def failure(self, code: ExitCode, problems: Sequence[Problem]) -> None:
        """Tell why the command ends: on standard error, or as the JSON document with --json."""
        if self.json:
            self.result({"error": {"exit_code": int(code), "meaning": code.meaning, "problems": problems}})
            return
        for problem in problems:
            self._problem(self._errors, problem, "error", indent=0)
        if len(problems) > 1:
            self._write(self._errors, f"{len(problems)} problems.", "bold")

    def bug(self, error: BaseException) -> None:
        """Tell of an error that nobody foresaw, without its text: that may hold somebody's data."""
        name = type(error).__name__
        if self.json:
            self.result({"error": {"exit_code": int(ExitCode.BUG), "meaning": ExitCode.BUG.meaning, "type": name}})
            return
        self._write(self._errors, f"error: syncd met something that it did not expect ({name}).", "red")
        self._write(self._errors, "Run the command again with --debug, and report what it shows; mind names in it.", "")

    def _write(self, console: Console, text: object, style: str) -> None:
        from rich.text import Text

        _put(console, _hung(console, Text(clean(text), style=style)))

    def _problem(self, console: Console, problem: Problem, sign: str, *, indent: int) -> None:
        from rich.padding import Padding
        from rich.text import Text

        where = f"{problem.place}: " if problem.place.file else ""
        text = Text(clean(where), style="bold") if where else Text()
        if sign:
            text.append(f"{sign}: ", style="red" if sign == "error" else "yellow")
        text.append(f"{clean(problem.what)} [{problem.code}]", style="none")
        text.append(f"\n  {clean(problem.do)}", style="dim")
        _put(console, Padding(text, (0, 0, 0, indent), expand=False))


def _hung(console: Console, text: Text, *, lead: int = 0) -> RenderableType:
    """Return a line that, where it is too long for the terminal, goes on below its own words instead of at the margin.

    `lead` characters stand before the words; without it, an indentation with the sign behind it.
    """
    from rich.table import Table

    if not console.is_terminal or text.cell_len <= console.width or "\n" in text.plain:
        return text
    lead = lead or (found.end() if (found := _LEAD.match(text.plain)) else 0)
    if not lead:
        return text
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(text[:lead], text[lead:])
    return grid


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    terminal = stream.isatty()
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=None if terminal else _PIPED_WIDTH)


def _put(console: Console, what: RenderableType) -> None:
    """Print, without the blanks with which rich fills lines unless it is a terminal that shows them."""
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as kept:
        console.print(what)
    console.file.write("".join(f"{line.rstrip()}\n" for line in kept.get().removesuffix("\n").split("\n")))


def plain(value: object) -> Any:
    """Return `value` as JSON can say it. Raises TypeError for what has no agreed form."""
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case frozenset() | set():
            return sorted((plain(item) for item in value), key=str)
        case Problem() | Place() | date() | PurePath() | timedelta() | bytes():
            return _plain_word(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
        case Iterable():
            return [plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")


def _plain_word(value: Problem | Place | date | PurePath | timedelta | bytes) -> Any:
    match value:
        case Problem():
            return {"code": value.code, "place": plain(value.place), "what": value.what, "do": value.do}
        case Place():
            return {"file": value.file, "line": value.line or None, "column": value.column or None}
        case datetime():
            return instant(value)
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case _:
            return str(value)
