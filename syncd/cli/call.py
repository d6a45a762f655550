"""One call of the command line: the common options, how to print, and the parts a command works with.

Imports click only; everything heavier is imported by the property that needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import NeedsHuman, OutcomeUnknown, Problem, SyncdError, TryAgain

if TYPE_CHECKING:
    from pathlib import Path

    from syncd.cli.render import Output
    from syncd.cli.session import Session

_F = TypeVar("_F", bound=Callable[..., Any])


class Stopped(SyncdError):
    """The command cannot go on, and it is known with which exit code it ends."""

    def __init__(self, exit_code: ExitCode, problems: Sequence[Problem]) -> None:
        self.exit_code = exit_code
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@contextmanager
def ends_with(exit_code: ExitCode) -> Iterator[None]:
    """Say with which exit code the command ends if what is tried inside cannot be done.

    Misconfigured passes through: it is exit code 3 wherever it comes from. So does what the state says, which neither a source
    nor the target can help: 9 while somebody else is at work on it, 3 otherwise.
    """
    try:
        yield
    except (NeedsHuman, TryAgain, OutcomeUnknown) as error:
        if error.problem.code.startswith("STO-"):
            raise
        raise Stopped(exit_code, [error.problem]) from error


@dataclass
class Call:
    """What was said before, between and after the command's name. Made by `main`, handed to every command."""

    config: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    debug: bool = field(default_factory=lambda: bool(os.environ.get("SYNCD_DEBUG")))

    @cached_property
    def out(self) -> Output:
        """Return what prints: tables and sentences for people, one JSON document with --json."""
        from syncd.cli.render import Output

        return Output(json=self.json, quiet=self.quiet, stdout=sys.stdout, stderr=sys.stderr)

    def session(self, *, service: bool = False) -> Session:
        """Return the parts that a command works with, opened on first use. Use it in a `with` statement.

        A `service` logs at the configured level; a command that somebody waits for logs warnings, or what -q and -v ask for.
        """
        from syncd.cli.session import Session

        return Session(config=self.config, level=self.level or (None if service else "warning"))

    @property
    def level(self) -> str | None:
        """Return the log level that -q or -v asks for, None if neither is there."""
        return "error" if self.quiet else {0: None, 1: "info"}.get(self.verbose, "debug")


def as_path(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path | None:
    """Return an option's value as a Path, which is imported only when somebody gives one: it costs as much as half of Python."""
    from pathlib import Path

    return None if value is None else Path(value)


def _keep_config(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if path := as_path(context, parameter, value):
        context.ensure_object(Call).config = path


def _kept(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return a callback that keeps an option's value in the `Call`, wherever on the line it stands."""

    def keep(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value not in (None, False, 0):
            setattr(context.ensure_object(Call), name, value)

    return keep


def _kept_option(*names: str, keep: str, **settings: Any) -> Callable[[_F], _F]:
    callback = _keep_config if keep == "config" else _kept(keep)
    return click.option(*names, callback=callback, expose_value=False, **settings)


def common_options(function: _F) -> _F:
    """Add the options that every command has."""
    options = (
        _kept_option(
            "--config",
            "-c",
            keep="config",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="The configuration [default: $SYNCD_CONFIG, ./syncd.yaml, /etc/syncd/syncd.yaml].",
        ),
        _kept_option("--json", keep="json", is_flag=True, help="Print one JSON document instead of text."),
        _kept_option("--quiet", "-q", keep="quiet", is_flag=True, help="Print errors and results only."),
        _kept_option("--verbose", "-v", keep="verbose", count=True, help="Log more; twice for everything."),
        _kept_option(
            "--debug", keep="debug", is_flag=True, help="Show the traceback of an error (also SYNCD_DEBUG=1)."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


class Taught(click.Command):
    """A command whose help teaches: what it does, examples, exit codes."""

    examples: tuple[tuple[str, str], ...] = ()
    exits: tuple[ExitCode, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Examples"):
            for line, means in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
                formatter.indent()
                formatter.write_text(means)
                formatter.dedent()
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), code.meaning) for code in self.exits])


def teach(
    name: str, *, examples: Sequence[tuple[str, str]], exits: Sequence[ExitCode] = ()
) -> Callable[[Callable[..., ExitCode | None]], Taught]:
    """Make a function a command. It is called with the `Call` and its own options, and returns its exit code.

    `examples` are pairs of a command line and what it does; `exits` are the exit codes that the command can end with besides
    0 (done), 2 (usage), 3 (configuration) and 1 (a bug).
    """

    def made(function: Callable[..., ExitCode | None]) -> Taught:
        made_command = click.command(name, cls=Taught)(common_options(click.pass_obj(function)))
        made_command.examples = tuple(examples)
        always = {ExitCode.DONE, ExitCode.BUG, ExitCode.USAGE, ExitCode.CONFIGURATION}
        made_command.exits = tuple(sorted(always | set(exits)))
        return made_command

    return made
