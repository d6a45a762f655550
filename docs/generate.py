"""`python -m docs.generate`: writes the reference pages that come from the code. Nothing in them is written by hand.

With `--check` it writes nothing, and ends with 1 if a page is not up to date. Only what the distribution "syncd" brings is
described, whatever else is installed.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

REFERENCE: Final = Path(__file__).parent / "reference"
_BY_HAND: Final = "<!-- Written by `python -m docs.generate`: change the code, then run `make docs`. -->"
_ROOMS: Final = {
    "ADS": "Active Directory",
    "ALR": "Alerts",
    "ASS": "Assessment of the data",
    "AUD": "Audit log",
    "BRK": "Message brokers",
    "CFG": "Configuration files",
    "CLI": "Command line",
    "DNG": "DingTalk",
    "ENG": "Engine",
    "ENV": "Environment and secrets",
    "EXP": "Explaining somebody",
    "FUN": "Functions of rules",
    "HTP": "HTTP",
    "LNK": "Links",
    "MAP": "Mapping a record",
    "OFB": "Offboarding by hand",
    "NTF": "Channels of alerts",
    "OUT": "Outsiders and rights",
    "PLG": "Connectors",
    "PLN": "Plan",
    "REC": "Records and their joins",
    "RUL": "Rule files",
    "SBX": "Sandbox",
    "STO": "State",
    "SCM": "SCIM services",
    "WDY": "Workday",
    "TAB": "Tables",
    "TRC": "Traces",
    "WBK": "Writing back",
    "WEB": "Webhooks and monitoring",
}
_DOUBLES: Final = frozenset({"MEM", "TST"})
"""What only the doubles of `syncd.testing` say; no user meets them."""


def pages() -> dict[str, str]:
    """Return every generated page, by its file name in docs/reference."""
    from syncd.config.schema import config_schema
    from syncd.mapping.functions import reference as functions
    from syncd.mapping.schema import rules_schema

    return {
        "errors.md": errors(),
        "configuration.md": configuration(),
        "cli.md": command_line(),
        "functions.md": functions.markdown(),
        "syncd.schema.json": _json(config_schema(distribution="syncd")),
        "rules.schema.json": _json(rules_schema()),
    }


def outdated() -> list[str]:
    """Return the names of pages that are not what the code says now."""
    return [name for name, text in pages().items() if not _same(REFERENCE / name, text)]


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` only say which are outdated."""
    old = outdated()
    if "--check" in arguments:
        sys.stdout.writelines(f"docs/reference/{name} is not up to date: run `make docs`.\n" for name in old)
        return 1 if old else 0
    made = pages()
    for name in old:
        (REFERENCE / name).write_text(made[name], encoding="utf-8")
        sys.stdout.write(f"wrote docs/reference/{name}\n")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


# --- errors.md ------------------------------------------------------------------------------------------------------


def errors() -> str:
    """Return the page of every message that syncd can show."""
    from syncd.core.errors import MESSAGES

    import_every_room()
    lines = ["# What syncd can tell you", "", _BY_HAND, ""]
    lines += [
        "Every message has a code that keeps its meaning for ever. Words in braces are filled in when the message is shown;",
        "in front of it stands the place, `file:line:column`, where there is one.",
        "",
    ]
    known = {code.partition("-")[0] for code in MESSAGES} - _DOUBLES
    titles = {room: f"{_ROOMS[room]}: {room}" for room in known}
    rooms = sorted(titles, key=titles.__getitem__)
    lines += [f"- [{titles[room]}](#{_anchor(titles[room])})" for room in rooms]
    for room in rooms:
        lines += ["", f"## {titles[room]}"]
        for code in sorted(code for code in MESSAGES if code.startswith(f"{room}-")):
            told = MESSAGES[code]
            lines += ["", f"### {code}", "", f"**{_filled(told.what)}**", "", _filled(told.do), ""]
            lines += ["```text", told.example.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def import_every_room() -> None:
    """Import every module of syncd and its connectors, so that each message is registered."""
    roots = [
        "syncd",
        *sorted(each.parent.name for each in Path(__file__).parent.parent.glob("connectors/*/__init__.py")),
    ]
    for root in roots:
        package = importlib.import_module(root)
        for module in pkgutil.walk_packages(package.__path__, f"{root}."):
            if not module.name.endswith("__main__") and ".migrations" not in module.name:
                importlib.import_module(module.name)


def _filled(template: str) -> str:
    return " ".join(template.replace("{{", "{").replace("}}", "}").split())


def _anchor(title: str) -> str:
    kept = "".join(each for each in title.lower() if each.isalnum() or each in " -")
    return kept.replace(" ", "-")


# --- configuration.md -----------------------------------------------------------------------------------------------


def configuration() -> str:
    """Return the page of every setting."""
    from syncd.config.describing import documented
    from syncd.config.schema import settings_models
    from syncd.config.settings import Entry, Plugged, Settings

    documented(Settings, Entry, Plugged)
    lines = ["# The configuration: syncd.yaml", "", _BY_HAND, ""]
    lines += [
        "Values are YAML 1.2. A setting without a default has to be given. Durations are written `90s`, `15m`, `12h`, `30d`;",
        "secrets as `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`. Each setting can be overruled by a variable of the",
        "environment: `SYNCD_WRITER__CONCURRENCY=4` for `writer.concurrency`.",
    ]
    for part, field in Settings.model_fields.items():
        lines += ["", f"## {part}", "", _text(field)]
        if part in ("sources", "target", "consumers", "triggers"):
            lines += ["", "What all types have:", "", *_table(Plugged if part in ("consumers", "triggers") else Entry)]
        elif isinstance(field.annotation, type):
            lines += ["", *_table(field.annotation)]
    for plugin, model in settings_models(distribution="syncd").items():
        lines += ["", f"## {plugin.group.one}: {plugin.name}", "", _paragraph(model.__doc__), "", *_table(model)]
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    if not prefix:
        yield "| setting | default | what it means |"
        yield "|---|---|---|"
    for name, field in model.model_fields.items():
        if name in ("settings", "plugin"):
            continue
        yield f"| `{prefix}{name}` | {_default(field)} | {_text(field).replace('|', chr(92) + '|')} |"
        for inner in _models(field.annotation):
            yield from _table(inner, f"{prefix}{name}.")


def _models(annotation: Any) -> list[type[BaseModel]]:
    from syncd.config.describing import models_in

    return models_in(annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    plain = TypeAdapter(field.rebuild_annotation()).dump_python(value, mode="json") if value is not None else None
    return f"`{json.dumps(plain, ensure_ascii=False)}`".replace("|", "\\|")


def _text(field: FieldInfo) -> str:
    return _paragraph(field.description)


def _paragraph(text: str | None) -> str:
    return " ".join((text or "").split())


# --- cli.md ---------------------------------------------------------------------------------------------------------


def command_line() -> str:
    """Return the page of every command, as its own help tells it."""
    from syncd.cli.commands import SECTIONS
    from syncd.cli.exit_codes import ExitCode
    from syncd.cli.root import root

    lines = ["# The command line", "", _BY_HAND, "", "```text", _help(root, "syncd"), "```", ""]
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {int(code)} | {code.meaning} |" for code in ExitCode]
    with click.Context(root, info_name="syncd") as context:
        for title, commands in SECTIONS.items():
            lines += ["", f"## {title}"]
            for name in commands:
                found = root.get_command(context, name)
                assert found is not None
                lines += [text for path, each in _family(found, f"syncd {name}") for text in _section(each, path)]
    return "\n".join(lines) + "\n"


def _section(command: click.Command, path: str) -> list[str]:
    return ["", f"### {path}", "", "```text", _help(command, path), "```"]


def _family(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _family(command.commands[name], f"{path} {name}")


def _help(command: click.Command, path: str) -> str:
    names = path.split(" ")
    context = None
    for name in names[:-1]:  # so that the usage line names the whole path
        context = click.Context(click.Command(name), info_name=name, parent=context)
    with click.Context(command, info_name=names[-1], parent=context, terminal_width=100) as made:
        return command.get_help(made).rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
