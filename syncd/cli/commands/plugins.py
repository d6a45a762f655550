"""`syncd plugins`: which connectors are installed. It imports none of them unless asked to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from syncd.cli.call import Call, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Misconfigured, Problem

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.plugins import Plugin


@teach(
    "plugins",
    examples=(
        ("syncd plugins", "List the connectors with the package and version that each comes from."),
        ("syncd plugins --load", "Also load each, and say what is missing where one cannot be loaded."),
    ),
)
@click.option("--load", "try_them", is_flag=True, help="Load each one, and end with 3 if one cannot be loaded.")
def command(call: Call, *, try_them: bool) -> ExitCode:
    """List the connectors that are installed.

    Sources, targets and whatever else plugs in is found by entry point, so a package of your own appears here as soon as it is
    installed. Listing imports nothing; one broken connector does not hide the others.
    """
    from syncd.plugins import listed

    plugins = listed()
    broken = {plugin.value: found for plugin in plugins for found in _tried(plugin)} if try_them else {}
    call.out.show(
        [_row(plugin, broken.get(plugin.value)) for plugin in plugins], lambda out: _tell(out, plugins, broken)
    )
    return ExitCode.CONFIGURATION if broken else ExitCode.DONE


def _tried(plugin: Plugin) -> tuple[Problem, ...]:
    from syncd.plugins import load

    try:
        load(plugin.group, plugin.name)
    except Misconfigured as error:
        return error.problems
    return ()


def _row(plugin: Plugin, problem: Problem | None) -> dict[str, Any]:
    return {
        "kind": plugin.group.one,
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "where": plugin.value,
        "problem": problem,
    }


def _tell(out: Output, plugins: tuple[Plugin, ...], broken: dict[str, Problem]) -> None:
    rows = [(each.group.one, each.name, each.distribution, each.version, each.value) for each in plugins]
    out.table(("kind", "type", "package", "version", "where"), rows)
    for problem in broken.values():
        out.problem(problem, sign="error")
