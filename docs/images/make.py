"""`python docs/images/make.py`: runs the real commands on a terminal of their own, and draws what they print as SVG.

It works on a copy of the example company in a temporary folder and reaches nobody. What it shortens it marks with `…`; it
never edits what a command printed.
"""

from __future__ import annotations

import html
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from syncd.cli.demo_story import Row, read, write
from syncd.cli.exit_codes import ExitCode

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
WIDTH: Final = 110
"""Characters in a line of the terminal."""
CELL: Final = 12.2
"""Units that rich draws a cell wide: a font of 20, with an aspect ratio of 0.61."""
LONG: Final = 168
"""Lines. What is longer is not a picture any more."""


def terminal(folder: Path, *arguments: str) -> tuple[list[str], int]:
    """Run `syncd` in `folder` on a pseudo-terminal; return its lines with their colours, and its exit code."""
    lead, follow = pty.openpty()
    colours = {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "50", "COLORTERM": "truecolor"}
    command = [str(Path(sys.executable).with_name("syncd")), *arguments]
    with tempfile.TemporaryFile() as errors:  # no terminal: so there are no progress bars in the picture
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **colours}, stdin=follow, stdout=follow, stderr=errors
        )
        os.close(follow)
        printed = b"".join(iter(lambda: _chunk(lead), b""))
        os.close(lead)
        code = process.wait()
        errors.seek(0)
        printed += errors.read()
    return [line.rstrip() for line in printed.decode().replace("\r\n", "\n").split("\n")], code


def _chunk(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux says EIO where others say end of file
        return b""


def draw(name: str, title: str, lines: Iterable[str]) -> None:
    """Write the picture of a terminal."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    path = HERE / name
    # Without rich's links to a font on somebody else's server: pictures in documentation fetch nothing.
    plain = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    drawn = console.export_svg(title=title, unique_id=path.stem, code_format=plain)
    path.write_text(re.sub(r'textLength="[^"]*"([^>]*>)([^<]*)<', _as_wide_as_it_is, drawn), encoding="utf-8")
    sys.stdout.write(f"wrote docs/images/{name}\n")


def _as_wide_as_it_is(found: re.Match[str]) -> str:
    """Give a text the width of its cells: rich counts characters, and a Chinese one fills two cells."""
    width = cell_len(html.unescape(found[2])) * CELL
    return f'textLength="{width:.1f}"{found[1]}{found[2]}<'


def company(folder: Path) -> Path:
    """Copy what the shipped configuration needs, and return its folder."""
    for name in ("syncd.yaml", "mappings", "examples"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


def one_day(rows: list[Row]) -> list[Row]:
    """Let a day pass: a transfer, two new titles, one typing mistake, and one person too many who is said to have left."""
    bosses = {row["Manager Number"] for row in rows}
    plain = [row for row in rows if row["Team Code"] and row["Employee Number"] not in bosses]
    gone = {row["Employee Number"] for row in plain[40:88:6]}
    mover, to, *promoted, wrong = plain[3], plain[150], plain[20], plain[21], plain[60]
    place: Mapping[str, str] = {
        name: to[name]
        for name in ("Company Code", "Company", "Division Code", "Division", "Team Code", "Team", "Manager Number")
    }
    changed = {mover["Employee Number"]: {**mover, **place}}
    changed |= {row["Employee Number"]: {**row, "Job Title": f"Senior {row['Job Title']}"} for row in promoted}
    changed[wrong["Employee Number"]] = {**wrong, "Mobile": "0812-not-a-number"}
    return [changed.get(row["Employee Number"], row) for row in rows if row["Employee Number"] not in gone]


def plan_picture(folder: Path) -> None:
    """Draw a plan of which the guard holds a part."""
    home = company(folder)
    terminal(home, "sync", "--accept")
    people = home / "examples" / "company.csv"
    write(people, one_day(read(people)))
    lines, code = terminal(home, "plan")
    _well(code, "syncd plan", lines)
    draw("plan.svg", "syncd plan", _trimmed(lines))


def demo_picture(folder: Path) -> None:
    """Draw the middle of the story of `syncd demo`: from the joiner to the mass deletion."""
    lines, code = terminal(folder, "demo", "--dir", str(folder / "try-it"))
    _well(code, "syncd demo", lines)
    plain = [Text.from_ansi(line).plain for line in lines]
    first = next(place for place, line in enumerate(plain) if line.startswith("── 5."))
    last = next((place for place, line in enumerate(plain) if line.startswith("── 8.")), len(plain))
    mass = next(place for place, line in enumerate(plain) if line.startswith("── 9."))
    end = next((place for place, line in enumerate(plain) if line.startswith("── 10.")), len(plain))
    draw("demo.svg", "syncd demo", _trimmed([*lines[first:last], "…", "", *lines[mass:end]]))


def _well(code: int, command: str, lines: list[str]) -> None:
    """Draw nothing that went wrong."""
    if code not in (ExitCode.DONE, ExitCode.PARKED, ExitCode.HELD):
        sys.exit(f"`{command}` ended with {code}:\n" + "\n".join(lines[-5:]))


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines if len(lines) <= LONG else [*lines[:LONG], "…"]


def main() -> None:
    for make in (plan_picture, demo_picture):
        with tempfile.TemporaryDirectory(prefix="syncd-images-") as folder:
            make(Path(folder))


if __name__ == "__main__":
    main()
