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
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def description(model: type[BaseModel], name: str) -> str:
    """Return what a setting means, in its own words; empty where it says nothing."""
    return model.model_fields[name].description or _words(model).get(name, "")


def documented(*models: type[BaseModel]) -> None:
    """Let these models, and those that they mention, tell the meaning of their settings in their JSON Schema."""
    for model in models:
        _document(model)


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
def _document(model: type[BaseModel]) -> None:
    """Once for each model, those inside first: the schema of a model is put together from theirs."""
    for field in model.model_fields.values():
        for inner in models_in(_whole(field)):
            if inner is not model:
                _document(inner)
    for name, field in model.model_fields.items():
        field.description = description(model, name) or None
    model.model_rebuild(force=True)


def _whole(field: FieldInfo) -> Any:
    return field.rebuild_annotation()


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
