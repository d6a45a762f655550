"""How long to look for a counterexample: in the gate as long as it may take, with `make fuzz` ten times as long."""

from __future__ import annotations

import os
from typing import Final

FUZZ: Final = "fuzz"
PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "gate")
"""Which of the profiles of `conftest.py` is in force."""


def examples(number: int) -> int:
    """Return how many examples a long test tries, of which the gate has `number`."""
    return number * 10 if PROFILE == FUZZ else number
