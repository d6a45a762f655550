"""Settings from the environment: `SYNCD_TARGET__QPS=40` overrules `target: {qps: …}`. It reads the variables it is handed.

A value is text, or JSON where it begins with `[` or `{`, or nothing where it is `null`; numbers are made of text later, where
the setting wants one, so that a password of digits stays text. Values are never repeated in errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import create_model
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings.sources.utils import parse_env_vars

from syncd.config.yaml import did_you_mean
from syncd.core.errors import Place, Problem, message

PREFIX: Final = "SYNCD_"
_OURS: Final = frozenset({"SYNCD_CONFIG", "SYNCD_DEBUG"})
"""Variables with the prefix that are no settings."""

_UNKNOWN: Final = message(
    "ENV-009",
    what="The environment variable {name} names no setting.{similar}",
    do="Write SYNCD_<PART>__<SETTING> with two underscores between the levels; parts are {known}. Or unset it.",
    example="SYNCD_TARGET_QPS=40 syncd check",
)
_NOT_JSON: Final = message(
    "ENV-010",
    what="The environment variable {name} begins like a list or a mapping, and is not JSON.",
    do='Write it as JSON: ["a", "b"] or {{"key": "value"}}.',
    example="SYNCD_GUARD__APPROVERS=[anna,ben]",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the environment says."""

    values: dict[str, Any]
    names: Mapping[tuple[str, ...], str]
    """The variable that each setting came from."""
    problems: tuple[Problem, ...]


class _Variables(EnvSettingsSource):
    """pydantic-settings' own reading of nested names, from a mapping that is handed in."""

    def __init__(self, settings_cls: type[BaseSettings], given: Mapping[str, str]) -> None:
        self._given = given
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return parse_env_vars(self._given, self.case_sensitive, self.env_ignore_empty, self.env_parse_none_str)

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002 - pydantic's
        """Leave the text as it is: pydantic-settings would take a password of digits for a number."""
        return value


def overrides(env: Mapping[str, str], parts: Iterable[str]) -> Overrides:
    """Return the settings that `env` holds for the named parts of the configuration."""
    known = frozenset(parts)
    names: dict[tuple[str, ...], str] = {}
    problems: list[Problem] = []
    for name in sorted(env):
        if not name.upper().startswith(PREFIX) or name.upper() in _OURS:
            continue
        loc = tuple(name[len(PREFIX) :].lower().split("__"))
        if loc[0] not in known or len(loc) < 2 or not all(loc):
            problems.append(_unknown(name, loc, known))
        elif env[name].startswith(("[", "{")) and not _is_json(env[name]):
            problems.append(_NOT_JSON.at(Place(file=name), name=name))
        else:
            names[loc] = name
    given = {name: env[name] for name in names.values()}
    shape: dict[str, Any] = dict.fromkeys(known, (dict[str, Any], {}))
    config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", env_parse_none_str="null")
    source = _Variables(create_model("Environment", __base__=_base(config), **shape), given)
    return Overrides(values=_decoded(source()), names=names, problems=tuple(problems))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with what `above` says instead, level by level."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        result[key] = merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return result


def _base(config: SettingsConfigDict) -> type[BaseSettings]:
    return type("Base", (BaseSettings,), {"model_config": config})


def _decoded(value: Any) -> Any:
    """Return values with every text that looks like a list or a mapping read as JSON; that they are JSON was checked."""
    if isinstance(value, dict):
        return {key: _decoded(item) for key, item in value.items()}
    return json.loads(value) if isinstance(value, str) and value.startswith(("[", "{")) else value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _unknown(name: str, loc: tuple[str, ...], known: frozenset[str]) -> Problem:
    # SYNCD_TARGET_QPS: one underscore too few is the most likely slip.
    slip = next((part for part in sorted(known) if loc[0].startswith(f"{part}_")), None)
    if slip:
        rest = "__".join((loc[0].removeprefix(f"{slip}_"), *loc[1:]))
        similar = f" Did you mean {PREFIX}{slip.upper()}__{rest.upper()}?"
    else:
        similar = did_you_mean(loc[0], known)
    return _UNKNOWN.at(Place(file=name), name=name, similar=similar, known=", ".join(sorted(known)))
