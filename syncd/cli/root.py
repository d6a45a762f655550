"""The root of the command line: it knows every command's name and line of help without importing one of them."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any, Final

import click

from syncd.cli.call import common_options
from syncd.cli.commands import COMMANDS, SECTIONS

_SELDOM: Final = (300_000, 20, 100)
"""Not while a command loads what it needs; a cycle has thresholds of its own (`syncd.engine.sparing`)."""


class ReaderGone(Exception):
    """Carries a broken pipe past click, which would make exit code 1 of it: the code of a bug."""


class LazyGroup(click.Group):
    """A group whose commands are modules of `syncd.cli.commands`, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"syncd.cli.commands.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and suggest the one that was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was found; from here on garbage is collected again, but not at each 700th new object.

        What a command loads stays: looking through it took a tenth of its start.
        """
        gc.set_threshold(*_SELDOM)
        gc.enable()
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the line; help is printed here."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100})
@common_options
@click.version_option(package_name="syncd", message="%(prog)s %(version)s")
def root() -> None:
    """Keep DingTalk in step with Active Directory, HR systems and files: guarded, explained, audited.

    `syncd COMMAND --help` teaches one command: what it does, examples, exit codes.
    """
