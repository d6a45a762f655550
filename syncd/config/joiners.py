"""The part `joiners` of `syncd.yaml`: when somebody gets an account who has not begun yet, and who is told of it before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from syncd.config.durations import Duration
from syncd.config.parts import Part
from syncd.config.problems import refusal
from syncd.core.errors import message

_NO_TIME: Final = message(
    "CFG-071",
    what="Nobody can be told of a joiner no time at all before the first day.",
    do="Write how long before: `tell: 3d`; or leave `tell` out, and nobody is told.",
    example="joiners: {tell: 0d}",
)
NO_WORD: Final = message(
    "CFG-072",
    what="The target {target} sends no messages to people, so nobody can be told of joiners.",
    do="Take `joiners.tell` out, or use a target that can: `dingtalk` does.",
    example="joiners: {tell: 3d}  # and the target is one of your own, without `send`",
)


class JoinerSettings(Part):
    """When somebody gets an account who has not begun yet, whose `hireDate` lies ahead; and who is told of it before."""

    ahead: Duration | None = Field(None, examples=["7d"])
    """So long before the first day the account is made, out of sight in a hidden department; it comes into sight when the first
    day begins, at midnight where the person works. `0d` makes it on the first day. Without it an account is made, in sight, as
    soon as the sources show somebody as active, whatever `hireDate` says."""
    department: str = Field("Joiners", min_length=1, max_length=64)
    """The name of the hidden department in which joiners wait. Another than `leavers.department`."""
    tell: Duration | None = Field(None, examples=["3d"])
    """So long before the first day the manager is told, in the target, by whoever runs the service or `syncd sync`; at once of
    somebody who comes sooner. Told again where the day or the manager changes, and where the hire is off. Without it nobody
    is."""
    say: list[Literal["name", "title", "department"]] = Field(["name", "department"])
    """What the manager reads of a joiner besides the first day. Nothing else is ever said."""
    language: Literal["en", "zh_CN", "id"] = "en"
    """In which language the manager reads it."""

    @field_validator("tell")
    @classmethod
    def _ahead(cls, tell: Any) -> Any:
        if tell is not None and tell <= timedelta(0):
            raise refusal(_NO_TIME)
        return tell
