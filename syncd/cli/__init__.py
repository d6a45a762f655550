"""The command line: words on a terminal. It finds the command, runs it, and turns errors into messages and exit codes.

Nothing heavy is imported here: `syncd --help` costs click and no more (`benchmarks/startup.py`).
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, Problem, SyncdError, TryAgain

if TYPE_CHECKING:
    from syncd.cli.call import Call


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name must not break the output of a terminal that cannot show it
            stream.reconfigure(errors="backslashreplace")
    before = gc.get_threshold()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has left. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141  # 128 + SIGPIPE, what a shell reports for other programs
    finally:
        gc.set_threshold(*before)
        gc.enable()
    return code


def _run(arguments: Sequence[str] | None) -> int:
    gc.disable()  # until a command begins: what is imported stays, and looking for garbage there costs 5 % of `--help`
    import click

    from syncd.cli.call import Call
    from syncd.cli.root import ReaderGone, root

    call = Call()
    try:
        result = root.main(args=arguments, prog_name="syncd", standalone_mode=False, obj=call)
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except ReaderGone:
        raise BrokenPipeError from None
    except Exception as error:  # noqa: BLE001 - the outermost border: whatever it is becomes a message and an exit code
        return _failed(call, error)


def _failed(call: Call, error: Exception) -> int:
    """Tell an error and return its exit code."""
    if call.debug:
        import traceback

        traceback.print_exception(error)
    while isinstance(error, ExceptionGroup):  # a TaskGroup wraps what its tasks raise
        error = next((each for each in error.exceptions if isinstance(each, SyncdError)), error.exceptions[0])
    code, problems = _meaning(error)
    if problems:
        call.out.failure(code, problems)
    else:
        call.out.bug(error)
    return code


def _meaning(error: Exception) -> tuple[ExitCode, Sequence[Problem]]:
    from syncd.cli.call import Stopped

    match error:
        case Stopped():
            return error.exit_code, error.problems
        case Misconfigured():
            return ExitCode.CONFIGURATION, error.problems
        case NeedsHuman():
            return ExitCode.CONFIGURATION, [error.problem]
        case TryAgain():
            return ExitCode.BUSY, [error.problem]
        case OutcomeUnknown():
            return ExitCode.TARGET, [error.problem]
        case _:
            return ExitCode.BUG, []
