"""Files that come with syncd: rules, examples and the annotated configuration. It finds and reads them; it writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from syncd.core.errors import NeedsHuman, message

_MISSING: Final = message(
    "CFG-035",
    what="The file {name}, which comes with syncd, is not there.",
    do="Install syncd again; the installation is not complete.",
    example="a package that was built without its rules",
)


def shipped(name: str) -> Path:
    """Return a file or folder that comes with syncd, such as `mappings/dingtalk.yaml`. Raises NeedsHuman if it is missing."""
    found = find(name)
    if found is None:
        raise NeedsHuman(_MISSING.at(name=name))
    return found


def find(name: str) -> Path | None:
    """Return a file or folder that comes with syncd, None if there is none of this name."""
    package = Path(str(files("syncd")))
    # A wheel carries them in syncd/_data; an editable installation has them at the repository's root only.
    return next((root / name for root in (package / "_data", package.parent) if (root / name).exists()), None)


def text_files(folder: Path, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the relative name and the text of every YAML and CSV file below a folder, in order."""
    for each in sorted(folder.iterdir(), key=lambda one: one.name):
        if each.is_dir():
            yield from text_files(each, f"{prefix}{each.name}/")
        elif each.name.endswith((".yaml", ".csv")):
            yield f"{prefix}{each.name}", each.read_text(encoding="utf-8")
