"""`syncd init`: a folder with a commented configuration, rules and schemas to begin with. It never overwrites a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Place, message

if TYPE_CHECKING:
    from syncd.cli.render import Output

SCHEMAS: Final = ".schema"

_THERE: Final = message(
    "CLI-003",
    what="There is a file of this name already.",
    do="Name another folder, or --force to replace it and the other files that `syncd init` writes.",
    example="syncd init . && syncd init .",
)
_CANNOT: Final = message(
    "CLI-004",
    what="The file cannot be written: {why}.",
    do="Name a folder in which you may write.",
    example="syncd init /proc/syncd",
)


@teach(
    "init",
    examples=(
        ("syncd init /etc/syncd --source active_directory", "Begin with Active Directory."),
        ("syncd init /etc/syncd --source ldap", "Begin with OpenLDAP, 389 Directory Server or another LDAP server."),
        (
            "syncd init . --source active_directory --source table",
            "Begin with two sources; the first is believed first.",
        ),
    ),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--source", "sources", multiple=True, metavar="TYPE", help="A source, see `syncd plugins` [default: table]."
)
@click.option("--target", default="dingtalk", show_default=True, metavar="TYPE", help="The target.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
def command(call: Call, *, folder: Path, sources: Sequence[str], target: str, force: bool) -> ExitCode:
    """Write a commented starting configuration.

    FOLDER gets syncd.yaml with every setting explained, the mapping rules of the sources and the target with their test
    cases, and the JSON Schemas that make editors complete and explain. What you have to fill in says CHANGE-ME; `syncd check`
    tells what is left. Files that are there are never replaced without --force.
    """
    texts = {"syncd.yaml": _configuration(sources or ("table",), target)}
    texts |= dict(_rules([*(sources or ("table",)), target]))
    texts |= _schemas()
    if not force:
        there = [folder / name for name in texts if (folder / name).exists()]
        if there:
            raise Stopped(ExitCode.CONFIGURATION, [_THERE.at(Place(file=str(path))) for path in there])
    for name, text in texts.items():
        _write(folder / name, text)
    open_points = [line for line in texts["syncd.yaml"].splitlines() if line.endswith("# CHANGE-ME")]
    call.out.show(
        {"written": [folder / name for name in texts], "placeholders": len(open_points)},
        lambda out: _tell(out, folder, texts, open_points),
    )
    return ExitCode.DONE


def _configuration(sources: Sequence[str], target: str) -> str:
    from syncd.config.starting import starting_configuration
    from syncd.plugins import Group, load

    models = {name: load(Group.SOURCES, name).settings for name in dict.fromkeys(sources)}
    written_to = (target, load(Group.TARGETS, target).settings)
    return starting_configuration(models, written_to, schema=f"{SCHEMAS}/syncd.schema.json")


def _rules(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the rule files of the named connectors, their cases, and what the cases need."""
    from syncd.config.schema import MODELINE
    from syncd.config.shipped import shipped, text_files

    for path, text in text_files(shipped("mappings")):
        owner = path.rpartition("/")[2].split(".")[0]
        if owner in names:
            up = "../" * (path.count("/") + 1)
            lines = text.splitlines(keepends=True)
            if lines and lines[0].startswith(MODELINE):
                schema = lines[0].strip().rpartition("/")[2]
                lines[0] = f"{MODELINE}{up}{SCHEMAS}/{schema}\n"
            yield f"mappings/{path}", "".join(lines)


def _schemas() -> Mapping[str, str]:
    import json

    from syncd.cli.commands.schema import FILES, schema

    return {
        f"{SCHEMAS}/{name}": json.dumps(schema(what), ensure_ascii=False, indent=2) + "\n"
        for what, name in FILES.items()
    }


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stopped(
            ExitCode.CONFIGURATION, [_CANNOT.at(Place(file=str(path)), why=error.strerror or "error")]
        ) from error


def _tell(out: Output, folder: Path, texts: Mapping[str, str], open_points: Sequence[str]) -> None:
    for name in texts:
        out.say(f"wrote {folder / name}")
    out.say()
    out.say(f"Fill in {len(open_points)} places in {folder / 'syncd.yaml'} that say CHANGE-ME:")
    for line in open_points:
        out.say(f"  {line.strip().removesuffix('  # CHANGE-ME')}")
    out.say(f"Then: syncd check --config {folder / 'syncd.yaml'}")
