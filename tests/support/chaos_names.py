"""People of a chaos company, and distinguished names as texts: taken apart, and followed when something above them moves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

_RDN: Final = re.compile(r"(?:\\.|[^,\\])+")
"""One name of a distinguished name: up to the first comma that no backslash precedes."""


@dataclass
class Person:
    """Somebody who is in the directory."""

    number: str
    rdn: str
    unit: str
    mobile: str
    """Never changes: DingTalk does not change it, so that a new one is refused, which is another story."""
    active: bool
    values: dict[str, str] = field(default_factory=dict)

    @property
    def dn(self) -> str:
        return f"{self.rdn},{self.unit}"


def text(entry: Any, name: str) -> str:
    values = entry["raw_attributes"].get(name) or [b""]
    return str(values[0].decode())


def rdn(dn: str) -> str:
    found = _RDN.match(dn)
    assert found is not None, dn
    return found.group()


def above(dn: str) -> str:
    return dn[len(rdn(dn)) + 1 :]


def depth(dn: str) -> int:
    return len(_RDN.findall(dn))


def is_below(dn: str, above: str) -> bool:
    return dn == above or dn.endswith(f",{above}")


def moved(dn: str, old: str, new: str) -> str:
    return f"{dn[: -len(old)]}{new}" if is_below(dn, old) else dn


__all__ = ["Person", "above", "depth", "is_below", "moved", "rdn", "text"]
