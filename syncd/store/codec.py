"""Nouns ⇄ JSON bytes: keys sorted, so that equal values have equal bytes. `decode_x(encode_x(v)) == v` for frozen values.

Never used for comparing or proving anything outside the store: digests are made by `syncd.core.values`. Lists come back as
tuples (`frozen`). Instants are RFC 3339 text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

from syncd.core.errors import MESSAGES, Message, Place, Problem
from syncd.core.model import (
    Aside,
    Change,
    Effect,
    FieldChange,
    Kind,
    Lane,
    Op,
    Plan,
    ProofFact,
    Reason,
    SubjectId,
    TargetId,
)
from syncd.core.outcome import Fact, FactType
from syncd.core.values import Value, Values, instant, moment
from syncd.store.rows import Told

Json = Any
"""What `msgspec.json` gives and takes; only this module touches it."""


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not a value")


_ENCODER: Final = msgspec.json.Encoder(order="sorted", enc_hook=_plain)
_DECODER: Final = msgspec.json.Decoder()

encode: Final = _ENCODER.encode
decode: Final = _DECODER.decode


_Flat = None | bool | int | float | str
_Item = _Flat | dict[str, _Flat]
Flat = _Flat | tuple[_Item, ...] | dict[str, _Flat]
_FLAT: Final = msgspec.json.Decoder(dict[str, Flat])
"""Of what nearly every row holds: no list in a list. It makes the tuples itself, which is three times faster than to walk."""


def decode_values(stored: bytes) -> Values:
    """Return a mapping of values, its lists as tuples."""
    return decode_own(stored)


def decode_own(stored: bytes) -> dict[str, Value]:
    """Do the same for whoever writes something into it."""
    try:
        return _FLAT.decode(stored)  # type: ignore[return-value]
    except msgspec.ValidationError:
        values: dict[str, Value] = frozen_json(decode(stored))
        return values


def frozen_json(value: Any) -> Any:
    """Do what `frozen` does, for what the decoder makes: only real lists and dictionaries."""
    if type(value) is list:
        return tuple(map(frozen_json, value))
    if type(value) is dict:
        return {name: frozen_json(one) if type(one) in _NESTED else one for name, one in value.items()}
    return value


_NESTED: Final = (list, dict)


def decode_texts(stored: bytes) -> tuple[str, ...]:
    """Return a list of texts."""
    return tuple(decode(stored))


# --- places and problems --------------------------------------------------------------------------------------------


def place_json(place: Place) -> Json:
    """Return `[file, line, column]`, shorter where nothing is known."""
    return [place.file, place.line, place.column] if place.file or place.line or place.column else []


def place_of(stored: Json) -> Place:
    """Return what `place_json` wrote."""
    return _place(*stored) if stored else _NOWHERE


_NOWHERE: Final = Place()


@lru_cache(maxsize=1024)
def _place(file: str, line: int, column: int) -> Place:
    # Remembered: the rules of an installation have a few dozen lines, and every field of every change names one.
    return Place(file=file, line=line, column=column)


def encode_places(places: Mapping[str, Place]) -> bytes:
    """Return places by name."""
    return encode({name: place_json(place) for name, place in places.items()})


@lru_cache(maxsize=1024)
def decode_places(stored: bytes) -> Mapping[str, Place]:
    """Return what `encode_places` wrote. Remembered: rows mapped by the same rules say the same, 100,000 times."""
    return MappingProxyType({name: place_of(place) for name, place in decode(stored).items()})


def encode_told(told: Sequence[Told]) -> bytes:
    """Return problems as they were told."""
    return encode([[one.code, one.what, one.do, place_json(one.place)] for one in told])


def decode_told(stored: bytes) -> tuple[Told, ...]:
    """Return what `encode_told` wrote."""
    if stored == b"[]":
        return ()
    return tuple(Told(code=code, what=what, do=do, place=place_of(place)) for code, what, do, place in decode(stored))


def problem_json(problem: Problem) -> Json:
    """Return a problem both as words to fill in and as it was told."""
    return {
        "code": problem.code,
        "place": place_json(problem.place),
        "words": {name: _word(word) for name, word in problem.words.items()},
        "what": problem.what,
        "do": problem.do,
    }


def _word(word: object) -> object:
    return word if isinstance(word, str | int | float | bool | None) else str(word)


def problem_of(stored: Json) -> Problem:
    """Return the problem; where its message is not registered (any more), it says what it said then."""
    known = MESSAGES.get(stored["code"])
    if known is not None:
        return Problem(message=known, place=place_of(stored["place"]), words=stored["words"])
    spoken = Message(code=stored["code"], what=_literal(stored["what"]), do=_literal(stored["do"]), example="")
    return Problem(message=spoken, place=place_of(stored["place"]), words=stored["words"])


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def encode_problems(problems: Sequence[Problem]) -> bytes:
    """Return problems."""
    return encode([problem_json(problem) for problem in problems])


def decode_problems(stored: bytes) -> tuple[Problem, ...]:
    """Return what `encode_problems` wrote."""
    return tuple(problem_of(problem) for problem in decode(stored))


def encode_proof(facts: Sequence[ProofFact]) -> bytes:
    """Return proof facts."""
    return encode([[fact.name, fact.holds, fact.detail] for fact in facts])


def decode_proof(stored: bytes) -> tuple[ProofFact, ...]:
    """Return what `encode_proof` wrote."""
    return tuple(ProofFact(name=name, holds=holds, detail=detail) for name, holds, detail in decode(stored))


# --- changes --------------------------------------------------------------------------------------------------------


def field_json(change: FieldChange) -> Json:
    """Return one field, old → new."""
    return [change.name, change.before, change.after, place_json(change.rule)]


def field_of(stored: Json) -> FieldChange:
    """Return what `field_json` wrote."""
    name, before, after, rule = stored
    return FieldChange(name=name, before=frozen_json(before), after=frozen_json(after), rule=place_of(rule))


def change_json(change: Change) -> Json:
    """Return a change, whole."""
    return {
        "op": change.op,
        "subject": change.subject,
        "kind": change.kind,
        "label": change.label,
        "reason": change.reason,
        "effects": change.effects,
        "lane": change.lane,
        "rank": change.rank,
        "target_id": change.target_id,
        "fields": [field_json(field) for field in change.fields],
        "needs": change.needs,
        "after": change.after,
        "since": change.since and instant(change.since),
    }


def change_of(stored: Json) -> Change:
    """Return what `change_json` wrote."""
    return Change(
        op=Op(stored["op"]),
        subject=SubjectId(stored["subject"]),
        kind=Kind(stored["kind"]),
        label=stored["label"],
        reason=stored["reason"],
        effects=tuple(Effect(effect) for effect in stored["effects"]),
        lane=Lane(stored["lane"]),
        rank=stored["rank"],
        target_id=stored["target_id"] and TargetId(stored["target_id"]),
        fields=tuple(field_of(field) for field in stored["fields"]),
        needs=tuple(SubjectId(subject) for subject in stored["needs"]),
        after=tuple(SubjectId(subject) for subject in stored["after"]),
        since=stored["since"] and moment(stored["since"]),
    )


# --- plans ----------------------------------------------------------------------------------------------------------


def aside_json(aside: Aside) -> Json:
    """Return what is left aside."""
    return {
        "reason": aside.reason,
        "kind": aside.kind,
        "name": aside.name,
        "label": aside.label,
        "problems": [problem_json(problem) for problem in aside.problems],
        "why": aside.why,
    }


def aside_of(stored: Json) -> Aside:
    """Return what `aside_json` wrote."""
    return Aside(
        reason=Reason(stored["reason"]),
        kind=Kind(stored["kind"]),
        name=stored["name"],
        label=stored["label"],
        problems=tuple(problem_of(problem) for problem in stored["problems"]),
        why=stored["why"],
    )


def encode_plan(plan: Plan) -> bytes:
    """Return a plan, whole."""
    return encode(
        {
            "fingerprint": plan.fingerprint,
            "changes": [change_json(change) for change in plan.changes],
            "aside": [aside_json(aside) for aside in plan.aside],
            "warnings": [problem_json(problem) for problem in plan.warnings],
            "unmanaged": plan.unmanaged,
            "population": plan.population,
            "units": plan.units,
        }
    )


def decode_plan(stored: bytes) -> Plan:
    """Return what `encode_plan` wrote. The fingerprint is what it was; whether it still fits is the reader's to check."""
    plan = decode(stored)
    return Plan(
        fingerprint=plan["fingerprint"],
        changes=tuple(change_of(change) for change in plan["changes"]),
        aside=tuple(aside_of(aside) for aside in plan["aside"]),
        warnings=tuple(problem_of(problem) for problem in plan["warnings"]),
        unmanaged=plan["unmanaged"],
        population=plan["population"],
        units=plan["units"],
    )


# --- facts ----------------------------------------------------------------------------------------------------------


def encode_fact(fact: Fact) -> bytes:
    """Return a confirmed fact without its sequence, which is its row's number."""
    return encode(
        {
            "at": instant(fact.at),
            "type": fact.type,
            "subject": fact.subject,
            "kind": fact.kind,
            "target_id": fact.target_id,
            "label": fact.label,
            "fields": [field_json(field) for field in fact.fields],
        }
    )


def decode_fact(stored: bytes, *, sequence: int) -> Fact:
    """Return what `encode_fact` wrote, with its sequence."""
    fact = decode(stored)
    return Fact(
        sequence=sequence,
        at=moment(fact["at"]),
        type=FactType(fact["type"]),
        subject=SubjectId(fact["subject"]),
        kind=Kind(fact["kind"]),
        target_id=TargetId(fact["target_id"]),
        label=fact["label"],
        fields=tuple(field_of(field) for field in fact["fields"]),
    )
