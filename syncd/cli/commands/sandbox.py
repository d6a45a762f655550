"""`syncd sandbox`: a stand-in for a target, found by entry point, served until interrupted. It knows no target by name."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import foreign, message

_SETTING: Final = message(
    "CLI-001",
    what="The sandbox has no setting '{name}', or not with this value: {why}.",
    do="Settings of this sandbox: {known}.",
    example="syncd sandbox --set qsp=5",
)
_PORT: Final = message(
    "CLI-002",
    what="The sandbox cannot listen on {host}:{port}: {why}.",
    do="Choose another port with --port, or 0 for any free one.",
    example="syncd sandbox --port 80",
)


@teach(
    "sandbox",
    examples=(
        ("syncd sandbox", "Serve DingTalk's protocol on a free port of this machine, and print the URL."),
        ("syncd sandbox --port 8765 --state var/sandbox.json", "Keep what is written there in a file."),
        ("syncd sandbox --set qps=5 --set list_lag_seconds=3", "Make it slower and later than the real one."),
    ),
)
@click.option("--target", default="dingtalk", show_default=True, help="The type of target to stand in for.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 for a free one.")
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), help="Keep the state in this file.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Any other setting; can be repeated.")
def command(call: Call, *, target: str, host: str, port: int, state: Path | None, settings: Sequence[str]) -> ExitCode:
    """Run a sandbox that behaves like the target.

    It speaks the target's own protocol, with its limits and errors, and reaches nobody: for trying rules, for tests, for
    learning. Point `target.base_url` at the URL that it prints, or let syncd start it by itself with `target.sandbox` in
    syncd.yaml. Stop it with Ctrl-C.
    """
    from syncd.plugins import Group, load

    serve = load(Group.SANDBOXES, target)
    given: dict[str, Any] = dict(_pair(each) for each in settings)
    if state is not None:
        given["state_file"] = state.absolute()
    ready = _settings(typing.get_type_hints(serve)["settings"], given)
    try:
        serve(ready, host, port, on_ready=lambda url: _tell(call, url, ready))
    except OSError as error:
        words = {"host": host, "port": port, "why": error.strerror or "error"}
        raise Stopped(ExitCode.CONFIGURATION, [_PORT.at(**words)]) from error
    return ExitCode.DONE


def _pair(written: str) -> tuple[str, str | None]:
    name, equals, value = written.partition("=")
    if not equals:
        raise click.UsageError(f"--set wants NAME=VALUE, not {written!r}.")
    return name, None if value in ("null", "none") else value


def _settings(model: Any, given: Mapping[str, Any]) -> Any:
    """Return the sandbox's settings, made of the words of the command line by the types that it declares."""
    from dataclasses import fields

    from pydantic import TypeAdapter, ValidationError

    known = [each.name for each in fields(model)]
    problems = [
        _SETTING.at(name=foreign(name), why="no such name", known=", ".join(known))
        for name in given
        if name not in known
    ]
    if not problems:
        try:
            return TypeAdapter(model).validate_python(dict(given))
        except ValidationError as error:
            problems = [
                _SETTING.at(name=str(each["loc"][0]), why=foreign(each["msg"]), known=", ".join(known))
                for each in error.errors(include_url=False, include_input=False)
            ]
    raise Stopped(ExitCode.USAGE, problems)


def _tell(call: Call, url: str, settings: Any) -> None:
    key, secret = getattr(settings, "app_key", None), getattr(settings, "app_secret", None)
    shown = {"url": url, "app_key": key, "app_secret": secret}  # the sandbox's own, of no worth elsewhere
    call.out.show(shown, lambda out: out.say(url))
    call.out.stdout.flush()
    if key:
        call.out.note(f"app_key {key}, app_secret {secret}; Ctrl-C stops it.")
