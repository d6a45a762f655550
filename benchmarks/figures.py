"""What a benchmark says: one figure, its goal, and whether the goal is met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    unit: str
    goal: str
    """As a person would say it, such as `≤ 10`; "" where there is none."""
    met: bool
    note: str = ""
    """How it was measured, and against what."""
