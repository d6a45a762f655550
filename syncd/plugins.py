"""Connectors, found by entry point: listed from metadata without importing one, loaded by name when a configuration asks.

It knows the groups and no connector. A connector that cannot be loaded says so in one line, with what to install.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any, Final

from syncd.core.errors import Misconfigured, Place, foreign, message


class Group(StrEnum):
    """The sockets that a connector can fill."""

    SOURCES = "syncd.sources"
    TARGETS = "syncd.targets"
    CONSUMERS = "syncd.consumers"
    MESSENGERS = "syncd.messengers"
    SINKS = "syncd.sinks"
    TRIGGERS = "syncd.triggers"
    SANDBOXES = "syncd.sandboxes"
    """A function that runs a stand-in for a target, by the target's name."""

    @property
    def one(self) -> str:
        """Return the word for one of them."""
        return {"syncd.sandboxes": "sandbox"}.get(self.value, self.value.removeprefix("syncd.").removesuffix("s"))


_UNKNOWN: Final = message(
    "PLG-001",
    what="There is no {one} of type '{name}'.{similar}",
    do="Installed: {known}. `syncd plugins` lists them with the package that each comes from.",
    example="target: {type: dingtlak, rules: mappings/dingtalk.yaml}",
)
_LIBRARY: Final = message(
    "PLG-002",
    what="The {one} '{name}' needs the library '{library}', which is not installed.",
    do="Install it: {command}",
    example="state: {url: postgresql+psycopg://db/syncd}  # without the extra `postgres`",
)
_BROKEN: Final = message(
    "PLG-003",
    what="The {one} '{name}' of {distribution} cannot be loaded: {why}.",
    do="Install a version of it that fits syncd, or tell its author; `SYNCD_DEBUG=1` shows the traceback.",
    example="an entry point that names a module which is not in the package",
)
_NO_SOCKET: Final = message(
    "PLG-004",
    what="The {one} '{name}' of {distribution} lacks what a {one} must have: {lacking}.",
    do="Tell its author to run the contract suite of `syncd.testing`.",
    example="a class without `settings`",
)

_NEEDED: Final = {
    Group.SOURCES: ("settings", "attributes", "read", "check"),
    Group.TARGETS: ("settings", "fields", "normalise", "observe", "apply", "check"),
    Group.CONSUMERS: ("settings", "receive", "reconcile"),
    Group.MESSENGERS: ("settings", "send"),
    Group.SINKS: ("settings", "send"),
    Group.TRIGGERS: ("settings", "listen", "check"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One connector that is installed."""

    group: Group
    name: str
    distribution: str
    version: str
    value: str
    """Where it is: `package.module:name`."""


def listed() -> tuple[Plugin, ...]:
    """List every connector without importing one, by group and name."""
    return tuple(_plugin(group, point) for group in Group for _, point in sorted(_points(group).items()))


def load(group: Group, name: str, *, place: Place | None = None) -> Any:
    """Import the connector `name`. Raises Misconfigured, at `place`, if there is none or it cannot be imported."""
    points = _points(group)
    words: dict[str, object] = {"one": group.one, "name": foreign(name)}
    if name not in points:
        from syncd.config.yaml import did_you_mean  # brings a YAML parser, which listing does not need

        known = ", ".join(sorted(points)) or "none"
        raise Misconfigured([_UNKNOWN.at(place, **words, similar=did_you_mean(name, points), known=known)])
    plugin = _plugin(group, points[name])
    try:
        loaded = points[name].load()
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] != plugin.value.split(".")[0].split(":")[0]:
            command = _install(points[name], error.name)
            raise Misconfigured([_LIBRARY.at(place, **words, library=error.name, command=command)]) from error
        raise Misconfigured([_broken(plugin, place, error)]) from error
    except (ImportError, AttributeError, SyntaxError, RuntimeError, TypeError, ValueError) as error:
        raise Misconfigured([_broken(plugin, place, error)]) from error
    lacking = [each for each in _NEEDED.get(group, ()) if not hasattr(loaded, each)]
    if lacking:
        words |= {"distribution": plugin.distribution, "lacking": ", ".join(lacking)}
        raise Misconfigured([_NO_SOCKET.at(place, **words)])
    return loaded


def _broken(plugin: Plugin, place: Place | None, error: Exception) -> Any:
    why = foreign(f"{type(error).__name__}: {error}")
    return _BROKEN.at(place, one=plugin.group.one, name=plugin.name, distribution=plugin.distribution, why=why)


@cache
def _points(group: Group) -> dict[str, EntryPoint]:
    """Return the entry points by name. What is installed does not change while we run."""
    return {point.name: point for point in entry_points(group=group)}


def _plugin(group: Group, point: EntryPoint) -> Plugin:
    from_ = point.dist
    name, version = (from_.name, from_.version) if from_ else ("?", "?")
    return Plugin(group=group, name=point.name, distribution=name, version=version, value=point.value)


def _install(point: EntryPoint, module: str) -> str:
    """Return the command that brings a missing library: the extra that lists it, or else the library itself."""
    library = module.split(".")[0]
    home = point.dist or _distribution("syncd")
    for extra in _extras(home, library) if home else ():
        return f"pip install '{home.name}[{extra}]'" if home else ""
    return f"pip install {library}"


def _extras(home: Distribution, library: str) -> Iterator[str]:
    """Yield the extras of a distribution that bring a library whose name is that of the module."""
    for requirement in home.requires or ():
        needed, _, marker = requirement.partition(";")
        found = re.match(r"[A-Za-z0-9._-]+", needed)
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", marker)
        if found and extra and _normal(found[0]) == _normal(library):
            yield extra[1]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
