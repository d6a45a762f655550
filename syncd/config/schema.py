"""The JSON Schema of `syncd.yaml`, with the settings of every connector that can be loaded: editors complete and explain by it.

The docstring of a setting becomes its tooltip. Nothing here reads a configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from syncd.config.describing import documented, told
from syncd.config.settings import Settings
from syncd.core.errors import Misconfigured
from syncd.plugins import Group, Plugin, listed, load

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ENTRIES: Final = {
    Group.SOURCES: "SourceEntry",
    Group.TARGETS: "TargetEntry",
    Group.CONSUMERS: "ConsumerEntry",
    Group.TRIGGERS: "TriggerEntry",
    Group.SINKS: "ChannelEntry",
}
MODELINE: Final = "# yaml-language-server: $schema="


class _Quiet(GenerateJsonSchema):
    """Without the titles that only repeat the names of settings."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def get_title_from_name(self, name: str) -> str:
        return name


def config_schema(*, distribution: str | None = None) -> dict[str, Any]:
    """Return the schema; `distribution` limits it to the connectors of one package."""
    schema = told(Settings.model_json_schema(schema_generator=_Quiet), Settings)
    shared: dict[str, Any] = schema.pop("$defs")
    for group, name in _ENTRIES.items():
        common = shared[name]
        plugins = [each for each in listed() if each.group is group and distribution in (None, each.distribution)]
        choices = [choice for plugin in plugins if (choice := _choice(plugin, common, shared)) is not None]
        # Without a connector to describe, whatever one that is installed elsewhere wants is let pass.
        described_ = {"oneOf": choices} if choices else {**common, "additionalProperties": True}
        shared[name] = {**described_, "description": common.get("description", "")}
    return {"$schema": DIALECT, "title": "syncd configuration", **schema, "$defs": shared}


def settings_models(*, distribution: str | None = None) -> dict[Plugin, type[BaseModel]]:
    """Return the settings models of the connectors that `syncd.yaml` can name and that can be loaded."""
    models = {}
    for plugin in listed():
        if plugin.group in _ENTRIES and distribution in (None, plugin.distribution):
            try:
                models[plugin] = load(plugin.group, plugin.name).settings
                documented(models[plugin])
            except Misconfigured:
                continue  # `syncd plugins` tells why; one broken connector must not cost the others their schema
    return models


def _choice(plugin: Plugin, common: Mapping[str, Any], shared: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of one connector's entry, and put what it refers to beside the shared definitions."""
    try:
        model: type[BaseModel] = load(plugin.group, plugin.name).settings
    except Misconfigured:
        return None
    template = f"#/$defs/{plugin.name}.{{model}}"
    own = told(model.model_json_schema(schema_generator=_Quiet, ref_template=template), model)
    shared |= {f"{plugin.name}.{name}": each for name, each in own.pop("$defs", {}).items()}
    kind = {"const": plugin.name, "description": common["properties"]["type"]["description"]}
    shared_ = {name: each for name, each in common["properties"].items() if name != "type"}
    needed = [name for name in common["required"] if name in shared_]
    return {
        "title": plugin.name,
        "description": own.get("description", ""),
        "type": "object",
        "properties": {"type": kind, **shared_, **own.get("properties", {})},
        "required": ["type", *needed, *own.get("required", [])],
        "additionalProperties": False,
    }


def described(field: FieldInfo) -> str:
    """Return a setting's description as one line."""
    return " ".join((field.description or "").split())
