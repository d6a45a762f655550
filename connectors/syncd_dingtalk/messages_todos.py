"""What the DingTalk connector can tell a person about to-dos. A table; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

REFUSED: Final = message(
    "DNG-089",
    what="DingTalk refused a to-do for somebody who is to be told of something ({code}).",
    do="Look the code up in DingTalk's documentation on adding a to-do, and see whether `todo_link` is a page that it accepts. "
    "It is tried again by itself until the day begins.",
    example='{"code": "todo.taskCreate.paramError"}',
)
