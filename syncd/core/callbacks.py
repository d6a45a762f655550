"""What a target that calls us is understood to say, and what it means that a call is not the target's. Values only.

Who listens, keeps and answers is elsewhere; what a call looks like is the connector's own business.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncd.core.errors import Problem, SyncdError
from syncd.core.wakes import Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one call said, and what to answer once that is kept: status 200 with this JSON."""

    touched: tuple[Touched, ...]
    answer: bytes


class NotTheirs(SyncdError):
    """A call is not the target's, or not fresh: nothing of it is believed. Whoever called is answered 403 and is not told why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


__all__ = ["NotTheirs", "Received"]
