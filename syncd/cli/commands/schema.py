"""`syncd schema`: the JSON Schemas of `syncd.yaml` and of rule files. It reads no configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncd.cli.call import Call, teach
from syncd.cli.exit_codes import ExitCode

FILES = {"config": "syncd.schema.json", "rules": "rules.schema.json"}


@teach(
    "schema",
    examples=(
        ("syncd schema > syncd.schema.json", "Print the schema of syncd.yaml."),
        ("syncd schema rules > rules.schema.json", "Print the schema of rule files."),
        ("syncd schema --write .schema", "Write both into the folder .schema."),
    ),
)
@click.argument("what", type=click.Choice(list(FILES)), default="config")
@click.option(
    "--write", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write both schemas into this folder."
)
def command(call: Call, *, what: str, folder: Path | None) -> ExitCode:
    """Write the JSON Schemas that make editors complete and explain.

    Editors with the YAML language server (VS Code, Neovim, JetBrains) read the first line of a file:

        # yaml-language-server: $schema=.schema/syncd.schema.json

    The schema knows the settings of every connector that is installed; write it again after installing one.
    """
    if folder is None:
        call.out.result(schema(what))
        return ExitCode.DONE
    for name in write(folder):
        call.out.say(f"wrote {folder / name}")
    return ExitCode.DONE


def schema(what: str) -> dict[str, Any]:
    """Return the schema of `config` or of `rules`."""
    if what == "rules":
        from syncd.mapping.schema import rules_schema

        return rules_schema()
    from syncd.config.schema import config_schema

    return config_schema()


def write(folder: Path) -> list[str]:
    """Write both schemas, and return their names."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    for what, name in FILES.items():
        (folder / name).write_text(json.dumps(schema(what), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return list(FILES.values())
