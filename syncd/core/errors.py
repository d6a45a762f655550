"""Errors say what the caller must do; messages to people have a stable code, a place and a next step.

Each room declares its messages once, at import, with `message(...)`; `docs/reference/errors.md` is generated from the
registry, so a message that is not registered cannot be shown. Nothing here logs, and nothing here carries a secret:
foreign text is cut to 256 characters by `foreign`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

FOREIGN_TEXT_LIMIT: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing that syncd can tell a person: `code` is stable for ever, `what` and `do` are `str.format` templates."""

    code: str
    what: str
    do: str
    example: str
    """A few lines (YAML, a command, a record) that provoke it, for the reference page."""

    def at(self, place: Place | None = None, /, **words: object) -> Problem:
        """Return the problem that this message tells about `place`."""
        return Problem(message=self, place=place or Place(), words=MappingProxyType(dict(words)))


_REGISTRY: Final[dict[str, Message]] = {}
MESSAGES: Final[Mapping[str, Message]] = MappingProxyType(_REGISTRY)
"""Every message of every room imported so far, by code."""


def message(code: str, *, what: str, do: str, example: str) -> Message:
    """Register and return a message. Codes are `<ROOM>-<three digits>`; a code taken twice is a bug and raises."""
    if code in _REGISTRY:
        raise ValueError(f"message code {code} is taken")
    made = Message(code=code, what=what, do=do, example=example)
    _REGISTRY[code] = made
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was written: a file with line and column (both from 1), or a variable of the environment."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file:line:column`, as compilers and editors write it, leaving out what is unknown."""
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A message told about a place, with its words filled in."""

    message: Message
    place: Place = field(default_factory=Place)
    words: Mapping[str, object] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return self.message.code

    @property
    def what(self) -> str:
        return self.message.what.format(**self.words)

    @property
    def do(self) -> str:
        return self.message.do.format(**self.words)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place.file else ""
        return f"{where}{self.what} {self.do} [{self.code}]"


class SyncdError(Exception):
    """The root of what syncd raises on purpose."""


class Misconfigured(SyncdError):
    """The administrator must change a file or the environment. Carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NeedsHuman(SyncdError):
    """No repetition will help: a person has to decide or to mend something outside syncd."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class TryAgain(SyncdError):
    """The same call may succeed later. `after` is the least time to wait; nothing was changed by the call."""

    def __init__(self, problem: Problem, *, after: timedelta = timedelta(0)) -> None:
        self.problem = problem
        self.after = after
        super().__init__(str(problem))


class OutcomeUnknown(SyncdError):
    """The call may or may not have taken effect. Read back before anything else is said or done."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def problem_of(error: BaseException) -> Problem | None:
    """Return what an error tells: its problem, or the first of several; None where it tells none."""
    several: tuple[Problem, ...] = getattr(error, "problems", ())
    return getattr(error, "problem", None) or (several[0] if several else None)


def code_of(error: BaseException) -> str:
    """Return the code of what an error tells, else the name of its type: what a log can say of any error."""
    problem = problem_of(error)
    return problem.code if problem is not None else type(error).__name__


def foreign(text: str) -> str:
    """Return somebody else's text fit for our errors and logs: one line, at most 256 characters."""
    line = " ".join(text.split())
    return line if len(line) <= FOREIGN_TEXT_LIMIT else line[: FOREIGN_TEXT_LIMIT - 1] + "…"
