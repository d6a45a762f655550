"""The command line itself: what it imports, how it ends, how it tells errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from syncd.cli import main
from syncd.cli.call import Call, Stopped, ends_with, teach
from syncd.cli.commands import COMMANDS
from syncd.cli.exit_codes import ExitCode
from syncd.cli.root import root
from syncd.core.errors import Message, Misconfigured, NeedsHuman, OutcomeUnknown, Place, TryAgain

HEAVY = ("sqlalchemy", "httpx", "pydantic", "ldap3", "cel_expr_python", "structlog", "rich", "ruamel", "asyncio")
TOLD = Message(code="XXX-001", what="A thing is wrong.", do="Mend it.", example="")
Raising = Callable[[Exception], None]


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Iterator[Raising]:
    """Make `syncd status` raise what a test says."""

    def prepare(error: Exception) -> None:
        @teach("status", examples=(("syncd status", "Try."),))
        def command(call: Call) -> ExitCode:
            raise error

        monkeypatch.setattr("syncd.cli.root.LazyGroup.get_command", lambda *_: command)

    return prepare  # type: ignore[return-value]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from syncd.cli import main; code = main(sys.argv[1:]); "
        f"found = [name for name in {HEAVY!r} if name in sys.modules]; "
        "print(found, file=sys.stderr); sys.exit(code)"
    )

    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_the_help_of_every_command_imports_nothing_heavy() -> None:
    program = (
        "import contextlib, io, sys\nfrom syncd.cli import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n  for name in {list(COMMANDS)!r}: main([name, '--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def _family(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _family(inner, f"{path} {name}")
    else:
        yield path, command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_by_two_examples_that_parse(name: str) -> None:
    with click.Context(root) as context:
        found = root.get_command(context, name)
        assert found is not None
        for path, command in _family(found, name):
            text = command.get_help(click.Context(command, info_name=path))
            assert text.count("\n  syncd ") >= 2, path
            assert "Exit codes:" in text, path


def test_a_word_that_is_no_command_suggests_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plam"]) == ExitCode.USAGE
    assert "Did you mean 'plan'?" in capsys.readouterr().err


def test_an_option_that_does_not_exist_is_a_matter_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--lod"]) == ExitCode.USAGE
    assert "--load" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured([TOLD.at(), TOLD.at()]), 3),
        (NeedsHuman(TOLD.at()), 3),
        (TryAgain(TOLD.at()), 9),
        (OutcomeUnknown(TOLD.at()), 7),
        (Stopped(ExitCode.MOVED, [TOLD.at()]), 8),
        (ExceptionGroup("tasks", [NeedsHuman(TOLD.at())]), 3),
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [Stopped(ExitCode.HELD, [TOLD.at()])])]), 5),
        (ValueError("Li Wei"), 1),
        (ExceptionGroup("tasks", [ValueError("Li Wei")]), 1),
    ],
)
def test_each_error_ends_with_its_code(
    raising: Raising, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    raising(error)

    assert main(["status"]) == code
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "Li Wei" not in shown
    assert ("XXX-001" in shown) == (code != 1)


def test_every_problem_is_told_with_its_place_and_what_to_do(
    raising: Raising, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(Misconfigured([TOLD.at(Place(file="a.yaml", line=3, column=5)), TOLD.at()]))

    main(["status"])

    assert capsys.readouterr().err == (
        "a.yaml:3:5: error: A thing is wrong. [XXX-001]\n  Mend it.\n"
        "error: A thing is wrong. [XXX-001]\n  Mend it.\n2 problems.\n"
    )


@pytest.mark.parametrize("arguments", [["--json", "status"], ["status", "--json"]])
def test_with_json_an_error_is_one_document_on_standard_output(
    raising: Raising, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    raising(Misconfigured([TOLD.at(Place(file="a.yaml", line=3))]))

    assert main(arguments) == 3

    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert (error["exit_code"], error["problems"][0]["place"]) == (3, {"file": "a.yaml", "line": 3, "column": None})
    assert shown.err == ""


def test_debug_shows_where_it_happened(
    raising: Raising, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(ValueError("x"))
    main(["status", "--debug"])
    by_option = capsys.readouterr().err
    monkeypatch.setenv("SYNCD_DEBUG", "1")
    main(["status"])

    assert "Traceback" in by_option
    assert "Traceback" in capsys.readouterr().err


def test_the_keyboard_interrupts_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("syncd.plugins.listed", interrupted)

    assert main(["plugins"]) == ExitCode.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["--help", "schema"])
def test_a_reader_who_leaves_early_causes_no_noise(command: str) -> None:
    program = "import sys, time; from syncd.cli import main; time.sleep(0.3); sys.exit(main(sys.argv[1:]))"
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", program, command], stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    os.close(reading)

    _, noise = child.communicate()

    assert (child.returncode, noise) == (141, "")


def test_what_is_tried_decides_the_code_of_a_failure() -> None:
    with pytest.raises(Stopped) as caught, ends_with(ExitCode.SOURCE):
        raise TryAgain(TOLD.at())

    assert caught.value.exit_code is ExitCode.SOURCE


def test_a_mistake_in_the_configuration_stays_one_wherever_it_is_found() -> None:
    with pytest.raises(Misconfigured), ends_with(ExitCode.SOURCE):
        raise Misconfigured([TOLD.at()])


def test_common_options_count_on_both_sides_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Call] = []

    @teach("status", examples=(("syncd status", "Try."),))
    def command(call: Call) -> None:
        seen.append(call)

    monkeypatch.setattr("syncd.cli.root.LazyGroup.get_command", lambda *_: command)

    assert main(["-c", "a.yaml", "-q", "status", "--json", "-vv"]) == 0
    assert (seen[0].config, seen[0].quiet, seen[0].json, seen[0].verbose) == (Path("a.yaml"), True, True, 2)


def test_exit_codes_are_what_the_documentation_promises() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "BUG": 1,
        "USAGE": 2,
        "CONFIGURATION": 3,
        "PARKED": 4,
        "HELD": 5,
        "SOURCE": 6,
        "TARGET": 7,
        "MOVED": 8,
        "BUSY": 9,
        "CHANGES": 10,
        "INTERRUPTED": 130,
    }
