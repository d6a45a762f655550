"""The mapping room: what a source's record means, and what the target shall hold of it, by rules that people edit.

This package file only says where things are; importing it loads nothing (the command line's help depends on that). The
room reads rule files and never a clock, a network or a store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from syncd.mapping.inbound import InboundRules, load_inbound
    from syncd.mapping.outbound import OutboundRules, load_outbound
    from syncd.mapping.results import Around, DerivedUnit, FieldTrace, Mapped, Neighbour, Trace
    from syncd.mapping.schema import rules_schema

_HOMES: Final = {
    "Around": "results",
    "DerivedUnit": "results",
    "FieldTrace": "results",
    "InboundRules": "inbound",
    "Mapped": "results",
    "Neighbour": "results",
    "OutboundRules": "outbound",
    "Trace": "results",
    "load_inbound": "inbound",
    "load_outbound": "outbound",
    "rules_schema": "schema",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "Around",
    "DerivedUnit",
    "FieldTrace",
    "InboundRules",
    "Mapped",
    "Neighbour",
    "OutboundRules",
    "Trace",
    "load_inbound",
    "load_outbound",
    "rules_schema",
]
