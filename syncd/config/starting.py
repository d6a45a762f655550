"""A commented `syncd.yaml` to begin with, written from the settings models: each setting with its text, its default, or a
placeholder that says CHANGE-ME. It returns text; it writes no file.
"""

from __future__ import annotations

import json
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from syncd.config.describing import documented
from syncd.config.schema import MODELINE, described
from syncd.config.secrets import Secret
from syncd.config.settings import Settings

PLACEHOLDER: Final = "CHANGE-ME"
"""What `syncd check` looks for and tells."""
_WIDTH: Final = 110

_OPENING: Final = """\
{modeline}
# syncd: the configuration. Written by `syncd init`.
#
#  * Lines with {placeholder} are for you to fill in; `syncd check` says which are left.
#  * What is commented out shows its default: take the `# ` away to change it.
#  * Every setting can be overruled by a variable of the environment: SYNCD_TARGET__TYPE for `target: {{type: …}}`.
#  * Secrets do not belong into this file: write {{env: NAME}}, {{file: PATH}} or {{credential: NAME}} (systemd).
#
# Next: `syncd check`, `syncd check --online`, `syncd plan`.
"""


def starting_configuration(
    sources: Mapping[str, type[BaseModel]], target: tuple[str, type[BaseModel]], *, schema: str
) -> str:
    """Return the text of a configuration with these sources (by connector type) and this target. `schema` is the path of the
    JSON Schema as the editor shall find it."""
    documented(Settings, target[1], *sources.values())
    lines = _OPENING.format(modeline=MODELINE + schema, placeholder=PLACEHOLDER).splitlines()
    lines += ["", *_comment(described(Settings.model_fields["sources"]), 0), "sources:"]
    for name, model in sources.items():
        lines += [f"  {name}:", *_entry(name, model, indent=4)]
    name, model = target
    lines += ["", *_comment(described(Settings.model_fields["target"]), 0), "target:", *_entry(name, model, indent=2)]
    for part, field in Settings.model_fields.items():
        if part not in ("sources", "target"):
            lines += ["", *_comment(described(field), 0), *_optional_part(part, field)]
    return "\n".join(lines) + "\n"


def _entry(name: str, model: type[BaseModel], *, indent: int) -> Iterator[str]:
    pad = " " * indent
    yield f"{pad}type: {name}"
    yield f"{pad}rules: mappings/{name}.yaml"
    for setting, field in model.model_fields.items():
        yield from _comment(described(field), indent)
        if field.is_required() or field.examples:
            yield f"{pad}{setting}: {_flow(_placeholder(name, setting, field))}  # {PLACEHOLDER}"
        else:
            yield f"{pad}# {setting}: {_flow(_default(field))}"


def _optional_part(part: str, field: FieldInfo) -> Iterator[str]:
    model = field.annotation
    yield f"# {part}:"
    if not (isinstance(model, type) and issubclass(model, BaseModel)):  # connectors, by names of one's own
        yield "#   a_name: {type: …}  # `syncd plugins` lists the types"
        return
    for setting, inner in model.model_fields.items():
        yield from _comment(described(inner), 2, mark="# ")
        value = _default(inner)
        if isinstance(value, dict) and value:
            yield f"#   {setting}:"
            yield from (f"#     {key}: {_flow(item)}" for key, item in value.items())
        else:
            yield f"#   {setting}: {_flow(value)}"


def _comment(text: str, indent: int, *, mark: str = "") -> list[str]:
    start = mark + " " * indent + "# "
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=start) if text else []


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    if value is None:
        return None
    return TypeAdapter(field.rebuild_annotation()).dump_python(value, mode="json")


def _placeholder(owner: str, setting: str, field: FieldInfo) -> Any:
    """Return a value that a setting accepts and nobody takes for real: the example that the model gives (an optional setting
    with an example is one that nearly everybody needs), or one made of its type."""
    made = _of_type(field.annotation, f"{owner}_{setting}".upper())
    # A secret is named after its owner, also where an example says that nearly everybody needs it.
    return field.examples[0] if field.examples and not isinstance(made, dict) else made


def _of_type(annotation: Any, name: str) -> Any:
    if typing.get_origin(annotation) is typing.Annotated:
        return _of_type(typing.get_args(annotation)[0], name)
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return _of_type(typing.get_args(annotation)[0], name)
    if typing.get_origin(annotation) in (list, tuple, Sequence):
        return [_of_type(typing.get_args(annotation)[0], name)]
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)[0]
    if annotation is Secret:
        return {"env": name}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation)).value
    if annotation in (int, float):
        return 1
    return True if annotation is bool else PLACEHOLDER


def _flow(value: Any) -> str:
    """Return a value as one line of YAML. JSON is YAML; plain words go without quotes."""
    if isinstance(value, str | Path) and _is_plain(str(value)):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    """Tell whether a text can stand without quotes, in a list too, and is read as text by every YAML reader."""
    from syncd.config.yaml import is_text

    safe = all(each.isalnum() or each in "._-/@:+" for each in text)
    return safe and bool(text) and text[0].isalpha() and not text.endswith(":") and is_text(text)
