"""The reference page of the canonical attributes, written from the table in `syncd.core.attributes`. It decides nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.attributes import ATTRIBUTES, Type
from syncd.core.model import Kind

_TITLES: Final = {Kind.PERSON: "A person", Kind.UNIT: "A unit (department)", Kind.GROUP: "A group"}
_TYPES: Final = {
    Type.PERSON: "reference to a person",
    Type.PERSONS: "references to people",
    Type.UNIT: "reference to a unit",
    Type.UNITS: "references to units",
    Type.GROUPS: "references to groups",
    Type.MEMBERS: "references to people and groups",
}
_HEAD: Final = """\
# Attributes

The names that stand between sources and target: inbound [rules](rules.md) fill them, outbound rules read them. They are
those of SCIM (RFC 7643), written flat with dots; `emails.work` is the value of `emails[type eq "work"]`. Where SCIM has no
word, the name is ours (origin `syncd`). `extra.<name>` holds any text of your own.

This page is generated from the table in the code.
"""


def markdown() -> str:
    """Return the page."""
    return _HEAD + "".join(_section(kind) for kind in ATTRIBUTES)


def _section(kind: Kind) -> str:
    lines = [f"\n## {_TITLES[kind]}\n\n| attribute | holds | meaning | origin |\n|---|---|---|---|\n"]
    for name, known in ATTRIBUTES[kind].items():
        shown = "extra.&lt;name&gt;" if name == "extra" else f"`{name}`"
        meaning = "Any text of your own." if name == "extra" else known.doc
        lines.append(f"| {shown} | {_TYPES.get(known.type, known.type.value)} | {meaning} | {known.origin} |\n")
    return "".join(lines)
