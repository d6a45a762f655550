"""A problem as it was told to somebody, for keeping. It renders once and knows no message afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncd.core.errors import Place, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A problem as it was told: rendered, so that it still says the same after an upgrade."""

    code: str
    what: str
    do: str
    place: Place = field(default_factory=Place)

    @classmethod
    def of(cls, problem: Problem) -> Told:
        """Return what `problem` says."""
        return cls(code=problem.code, what=problem.what, do=problem.do, place=problem.place)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place.file else ""
        return f"{where}{self.what} {self.do} [{self.code}]"
