"""What the sandbox tells the people who run and steer it. Nothing of this is DingTalk's; its own errors are in `codes`."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import Message, message

STATE_BROKEN: Final[Message] = message(
    "SBX-001",
    what="The sandbox's state file cannot be read: {why}.",
    do="Move the file and its .log away; the sandbox starts with an empty company.",
    example="syncd sandbox --state state.json   # state.json was edited by hand and is no JSON any more",
)
STATE_TAKEN: Final[Message] = message(
    "SBX-002",
    what="The sandbox's state file is in use by another sandbox.",
    do="Stop the other one, or give this one a state file of its own.",
    example="syncd sandbox --state state.json   # in two terminals",
)
NO_SUCH_CONTROL: Final[Message] = message(
    "SBX-003",
    what="The sandbox has no control call {call}.",
    do="Look at docs/reference/sandbox.md for the calls below /_sandbox.",
    example="curl http://127.0.0.1:8088/_sandbox/statee",
)
BAD_CONTROL: Final[Message] = message(
    "SBX-004",
    what="The control call cannot be done: {why}.",
    do="Mend the body; docs/reference/sandbox.md has an example of each call.",
    example="""curl -X POST http://127.0.0.1:8088/_sandbox/faults -d '{"kind": "tiemout"}'""",
)
