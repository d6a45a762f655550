"""From pydantic's findings to our messages: each with file:line:column, what is wrong, what to do, and "did you mean".

The values that were refused are never repeated: one of them may be a secret that stands in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from syncd.config.describing import description, models_in
from syncd.config.yaml import Document, did_you_mean
from syncd.core.errors import MESSAGES, Message, Place, Problem, foreign, message

_UNKNOWN: Final = message(
    "CFG-020",
    what="There is no setting '{name}' here.{similar}",
    do="Known here: {known}.",
    example="target: {type: dingtalk, rulez: mappings/dingtalk.yaml}",
)
_MISSING: Final = message(
    "CFG-021",
    what="The setting '{name}' is missing.",
    do="Add it; {place_doc}",
    example="sources:\n  hr: {type: table}  # rules and path are missing",
)
_WRONG: Final = message(
    "CFG-022",
    what="The setting '{name}' is not right: {why}.",
    do="Correct it; {place_doc}",
    example="writer: {concurrency: 0}",
)
_WRONG_TYPE: Final = message(
    "CFG-023",
    what="The setting '{name}' should be {expected}, and {got} is written.",
    do="Correct it; {place_doc}",
    example="writer: {concurrency: many}",
)
_NOT_ONE_OF: Final = message(
    "CFG-024",
    what="The setting '{name}' must be one of {expected}.",
    do="Choose one of them; {place_doc}",
    example="leavers: {policy: delete}",
)

_EXPECTED: Final[Mapping[str, str]] = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "a mapping (`key: value` lines)",
    "mapping": "a mapping (`key: value` lines)",
    "model": "a mapping (`key: value` lines)",
    "path": "a path, as text",
    "date": "a date such as 2026-11-22",
    "url": "a URL",
}


def refusal(told: Message, /, **words: object) -> PydanticCustomError:
    """Return what a validator of a settings model raises to tell one of our own messages."""
    return PydanticCustomError(told.code, "{what}", {"what": told.what, **words})


def of_validation(
    error: ValidationError,
    document: Document,
    *,
    at: tuple[str | int, ...] = (),
    model: type[BaseModel] | None = None,
    variables: Mapping[tuple[str, ...], str] | None = None,
) -> list[Problem]:
    """Return one problem for each finding. `at` is where the validated part stands in the document; `model` is asked for
    the names and texts of its settings; `variables` says which values came from which variable of the environment."""
    findings = error.errors(include_url=False, include_input=True)
    return [_of_finding(each, document, at=at, model=model, variables=variables or {}) for each in findings]


def _of_finding(
    finding: ErrorDetails,
    document: Document,
    *,
    at: tuple[str | int, ...],
    model: type[BaseModel] | None,
    variables: Mapping[tuple[str, ...], str],
) -> Problem:
    loc = (*at, *finding["loc"])
    kind = finding["type"]
    is_key = bool(loc) and loc[-1] == "[key]"  # pydantic's word for a finding about the key of a mapping
    loc = loc[:-1] if is_key else loc
    place = place_of(loc, document, variables, key=is_key or kind == "extra_forbidden")
    context: dict[str, Any] = finding.get("ctx", {})
    if kind in MESSAGES:
        return MESSAGES[kind].at(place, **{word: value for word, value in context.items() if word != "what"})
    name, doc = str(loc[-1]) if loc else "", _doc(model, finding["loc"])
    if isinstance(loc[-1] if loc else "", int):
        name = f"{loc[-2]}[{loc[-1]}]" if len(loc) > 1 else name
    match kind:
        case "extra_forbidden":
            known = _names(model, finding["loc"][:-1])
            return _UNKNOWN.at(place, name=foreign(name), similar=did_you_mean(name, known), known=", ".join(known))
        case "enum" if is_key:
            known = re.findall(r"'([^']+)'", context["expected"])
            return _UNKNOWN.at(place, name=foreign(name), similar=did_you_mean(name, known), known=", ".join(known))
        case "missing":
            return _MISSING.at(place, name=name, place_doc=doc)
        case "literal_error" | "enum":
            return _NOT_ONE_OF.at(place, name=name, expected=context["expected"], place_doc=doc)
        case _ if (expected := _expected(kind)) is not None:
            return _WRONG_TYPE.at(place, name=name, expected=expected, got=_called(finding["input"]), place_doc=doc)
        case _:
            why = finding["msg"].removeprefix("Value error, ")
            why = foreign(why[:1].lower() + why[1:]).rstrip(".")
            return _WRONG.at(place, name=name, why=why, place_doc=doc)


def place_of(
    loc: tuple[str | int, ...], document: Document, variables: Mapping[tuple[str, ...], str], *, key: bool = False
) -> Place:
    """Return the variable of the environment that a value came from, or else its place in the file."""
    for variable_loc, name in variables.items():
        if loc[: len(variable_loc)] == variable_loc:
            return Place(file=name)
    return document.place(*loc, of="key" if key else "value")


def _expected(kind: str) -> str | None:
    """Return what was wanted if the finding is about the type, None otherwise."""
    word, _, rest = kind.partition("_")
    if rest in ("type", "parsing", "attributes_type", "from_float", "parsing_size"):
        return _EXPECTED.get(word)
    return None


def _called(value: object) -> str:
    """Say what kind of value it is, never the value."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number (put it in quotes if it is meant as text)"
        case str():
            return "text"
        case Mapping():
            return "a mapping"
        case Iterable():
            return "a list"
        case _:
            return "something else"


def _walk(model: type[BaseModel] | None, loc: tuple[str | int, ...]) -> tuple[list[type[BaseModel]], str]:
    """Follow `loc` through the models; return the models met at its end and the last setting's description."""
    here, doc = [model] if model else [], ""
    for part in loc:
        owners = [each for each in here if str(part) in each.model_fields]
        if owners:
            doc = description(owners[0], str(part))
            here = [found for each in owners for found in models_in(each.model_fields[str(part)].annotation)]
    return here, doc


def _names(model: type[BaseModel] | None, loc: tuple[str | int, ...]) -> list[str]:
    return sorted({name for each in _walk(model, loc)[0] for name in each.model_fields})


def _doc(model: type[BaseModel] | None, loc: tuple[str | int, ...]) -> str:
    """Return the setting's own description as the end of a sentence."""
    text = " ".join(_walk(model, loc)[1].split())
    return f"what it means: {text}" if text else "see docs/reference/configuration.md."
