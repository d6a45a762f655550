"""What the settings of a model mean, in the words that stand below each of them in the program's text.

Pydantic can read these words by itself (`use_attribute_docstrings`), but does so whenever a module is imported: it opens and
parses the program's text again at each start of each command, a twelfth of the start of `syncd sync`. They are needed only when
somebody is told what a setting means. Nothing here reads a configuration.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel


def description(model: type[BaseModel], name: str) -> str:
    """Return what a setting means, in its own words; empty where it says nothing."""
    return model.model_fields[name].description or _words(model).get(name, "")


def documented(*models: type[BaseModel]) -> None:
    """Let the settings of these models, and of those that they mention, know what they mean (`FieldInfo.description`)."""
    for model in _reached(models):
        for name, field in model.model_fields.items():
            field.description = description(model, name) or None


def told(schema: dict[str, Any], *models: type[BaseModel]) -> dict[str, Any]:
    """Add to the JSON Schema of models what their settings mean; returns the schema.

    The first model is the schema's own where it has properties; others stand among its definitions, by their names.
    """
    documented(*models)
    for model in _reached(models):
        own = (
            schema if model is models[0] and "properties" in schema else schema.get("$defs", {}).get(model.__name__, {})
        )
        said = own.get("properties", {})
        for name, field in model.model_fields.items():
            key = field.alias or name
            if key in said and field.description:
                # In the order in which pydantic itself would have it.
                said[key] = dict(sorted({"description": field.description, **said[key]}.items()))
    return schema


def _reached(models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    """Return these models and those that they mention."""
    found: dict[type[BaseModel], None] = {}
    ahead = list(models)
    while ahead:
        model = ahead.pop()
        if model not in found:
            found[model] = None
            ahead += [inner for field in model.model_fields.values() for inner in models_in(field.rebuild_annotation())]
    return list(found)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation mentions, through optionals, unions, lists and mappings."""
    return list(dict.fromkeys(_mentioned(annotation)))


def _mentioned(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        for part in typing.get_args(annotation):
            yield from _mentioned(part)


@cache
def _words(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the texts below the settings of a class and of those that it inherits from, the nearest first."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if each is not BaseModel and issubclass(each, BaseModel):
            found |= _written(each)
    return found


def _written(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each setting that a class itself has. Nothing where there is no source (`-OO`, a zip)."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return
    assert isinstance(tree, ast.ClassDef)
    for setting, below in zip(tree.body, tree.body[1:], strict=False):
        match setting, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                yield name, inspect.cleandoc(text)
