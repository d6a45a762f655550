"""The exit codes of every command: stable, so that timers, monitoring and pipelines can rely on them. It does nothing."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command says to its caller when it ends. A code is never given a second meaning."""

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        made = int.__new__(cls, value)
        made._value_ = value
        made.meaning = meaning
        return made

    meaning: str

    DONE = 0, "done, or nothing to do"
    BUG = 1, "something that syncd did not expect: a defect, please report it"
    USAGE = 2, "the command line is not understood"
    CONFIGURATION = 3, "the configuration, the rules or this machine need a person first"
    PARKED = 4, "finished, but people were parked or failed; they are named"
    HELD = 5, "held by the guard; somebody has to look at the plan and release it"
    SOURCE = 6, "a source cannot be reached, or its read is not proven complete"
    TARGET = 7, "the target cannot be reached, or refuses us"
    MOVED = 8, "the state has moved since the plan was made; plan again"
    BUSY = 9, "another syncd is at work on this state; try again later"
    CHANGES = 10, "there are changes (only with --exit-code)"
    INTERRUPTED = 130, "interrupted from the keyboard"
