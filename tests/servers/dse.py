"""The settings file of 389 Directory Server (dse.ldif), read and changed while the server stands still."""

from __future__ import annotations

from pathlib import Path


def change(file: Path, entries: dict[str, dict[str, str | tuple[str, ...]]]) -> None:
    """Replace attributes of entries, by the DN as the file writes it; no values remove one; an unknown entry is an error."""
    blocks = file.read_text(encoding="utf-8").replace("\n ", "").strip("\n").split("\n\n")
    places = {block.split("\n", 1)[0].removeprefix("dn: ").lower(): number for number, block in enumerate(blocks)}
    for dn, attributes in entries.items():
        number = places[dn.lower()]
        blocks[number] = _changed(blocks[number], attributes)
    file.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _changed(block: str, attributes: dict[str, str | tuple[str, ...]]) -> str:
    replaced = {name.lower() for name in attributes}
    kept = [line for line in block.split("\n") if line.split(":", 1)[0].lower() not in replaced]
    for name, values in attributes.items():
        kept += [f"{name}: {value}" for value in ((values,) if isinstance(values, str) else values)]
    return "\n".join(kept)
