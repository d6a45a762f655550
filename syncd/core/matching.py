"""What makes two records one person: the steps of correlation, how their values are compared, and what is only proposed.

A step is certain or probable. What a certain step finds is joined; what a probable one finds, and what fits several, is proposed
to a person and never guessed. Nothing here decides, and nothing here knows a database.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from syncd.core.attributes import ATTRIBUTES, REFERENCES
from syncd.core.errors import message
from syncd.core.model import RECORD_KINDS, Kind, NativeId, SourceName, SubjectId
from syncd.core.values import Value, Values, is_empty

TOGETHER: Final = "+"
"""Between the attributes of a step that must agree together: `name.formatted + extra.birthDate`."""
_PHONE: Final = "phoneNumbers."
_NAMES: Final = frozenset({"displayName", "nickName"})
_REFERENCES: Final = frozenset(
    name for kind in RECORD_KINDS for name, one in ATTRIBUTES[kind].items() if one.type in REFERENCES
)
"""Each source names others in words of its own: that two differ says nothing."""

SEVERAL: Final = message(
    "REC-001",
    what="{label}: {attribute} matches more than one person who is already known ({others}).",
    do="Decide with `syncd links review`; or correct the value in the source, or give correlation an attribute that tells them "
    "apart (`join.correlate`).",
    example="Two people share the employee number 00042 in Active Directory, and the HR file has a third 00042.",
)
PROBABLE: Final = message(
    "REC-005",
    what="{label}: {attribute} is that of {others}, who may be the same person.",
    do="Decide with `syncd links review`. Until then the record stands aside: nobody is created for it, and nobody is removed.",
    example="join: {suggest: [name.formatted + extra.birthDate]}, and a record without a number that has both",
)
TWICE: Final = message(
    "REC-006",
    what="{label}: {source} has another record with this {attribute} and name, and does not say that one follows the other.",
    do="Decide with `syncd links review`; or let the source say when each begins and ends (`hireDate`, `endDate`).",
    example="A contractor becomes an employee: a second record of one source with the same number and name, both without dates.",
)


class Confidence(StrEnum):
    """How much it proves that two records agree in something."""

    CERTAIN = "certain"
    PROBABLE = "probable"


class Cause(StrEnum):
    """Why a join is proposed, and not made."""

    PROBABLE = "probable"
    """What agrees is a hint and no proof."""
    SEVERAL = "several"
    """It fits more than one person."""
    TWICE = "twice"
    """One source has two records of the same number and name at the same time."""
    HAND = "hand"
    """Nothing was proposed: somebody said by themselves who is who."""


MESSAGE_OF: Final = {Cause.PROBABLE: PROBABLE, Cause.SEVERAL: SEVERAL, Cause.TWICE: TWICE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Attributes that must all agree, and how much that proves."""

    attributes: tuple[str, ...]
    confidence: Confidence = Confidence.CERTAIN

    def __str__(self) -> str:
        """Return it as it is written in syncd.yaml."""
        return f" {TOGETHER} ".join(self.attributes)

    def key(self, facts: Values) -> tuple[str, ...] | None:
        """Return what must be equal, None where something is not said."""
        found: list[str] = []
        for name in self.attributes:
            if is_empty(value := facts.get(name)):
                return None
            found.append(compared(name, value))
        return tuple(found)


def steps(texts: Iterable[str], confidence: Confidence = Confidence.CERTAIN) -> tuple[Step, ...]:
    """Return the steps that are written so."""
    return tuple(Step(attributes=attributes_of(text), confidence=confidence) for text in texts)


def attributes_of(text: str) -> tuple[str, ...]:
    """Return the attributes that one step names."""
    return tuple(part.strip() for part in text.split(TOGETHER))


def compared(name: str, value: Value) -> str:
    """Return the form in which a value of an attribute is compared: no case, no outer or double blanks, one form of each letter.

    Of phone numbers only the digits count, and `00` in front is `+` (ITU-T E.164); of names marks above and below letters do not.
    Names in different scripts differ: let the rules of both sources fill an `extra.` by `transliterate`, and name that.
    """
    text = str(value)
    plain = text.isascii()  # nearly always so, and the other forms are dear
    text = " ".join((text if plain else unicodedata.normalize("NFKC", text)).split()).casefold()
    if name.startswith(_PHONE):
        digits = "".join(one for one in text if one.isdigit())
        return f"+{digits.removeprefix('00')}" if text.startswith(("+", "00")) else digits
    if not plain and (name in _NAMES or name.startswith("name.")):
        return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A record, and somebody who may be the same person."""

    source: SourceName
    kind: Kind
    native_id: NativeId
    subject: SubjectId

    @property
    def id(self) -> str:
        """Return a short name by which people say it."""
        text = f"{self.source}/{self.kind}/{self.native_id}/{self.subject}"
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A join that a person has to decide about."""

    pair: Pair
    label: str
    """Of the record."""
    other: str
    """Of the subject."""
    step: str
    """What agrees."""
    cause: Cause
    digest: bytes
    """Of what both say of themselves: a rejection holds as long as it is the same."""


def joint(one: Values, others: Sequence[Values], names: Iterable[str]) -> bytes:
    """Return 16 bytes that differ when a record, or those of the other side, say something else in these attributes."""
    said = [
        (name, _said(name, [one]), _said(name, others))
        for name in sorted(names)
        if any(name in facts for facts in (one, *others))
    ]
    return hashlib.blake2b(repr(said).encode(), digest_size=16).digest()


def _said(name: str, facts: Sequence[Values]) -> list[str]:
    return sorted({compared(name, value) for each in facts if not is_empty(value := each.get(name))})


class Verdict(StrEnum):
    """What one attribute says about whether two records are one person."""

    FOR = "for"
    AGAINST = "against"
    SILENT = "silent"
    """Only one of the two says something, or they cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One attribute of both sides."""

    attribute: str
    verdict: Verdict
    here: Value
    """What the record says."""
    there: tuple[Value, ...]
    """What the other side's records say, each value once."""


def weigh(one: Values, others: Sequence[Values]) -> tuple[Sign, ...]:
    """Return what speaks for and against two sides being one, by attribute; what agrees first, then what differs."""
    order = list(Verdict)
    signs = [_sign(name, one, others) for name in sorted({*one, *(name for facts in others for name in facts)})]
    known = [sign for sign in signs if not (is_empty(sign.here) and not sign.there)]
    return tuple(sorted(known, key=lambda sign: (order.index(sign.verdict), sign.attribute)))


def _sign(name: str, one: Values, others: Sequence[Values]) -> Sign:
    here = one.get(name)
    there: dict[str, Value] = {}
    for facts in others:
        if not is_empty(value := facts.get(name)):
            there.setdefault(compared(name, value), value)
    verdict = Verdict.SILENT
    if there and not is_empty(here) and name not in _REFERENCES:
        verdict = Verdict.FOR if compared(name, here) in there else Verdict.AGAINST
    return Sign(attribute=name, verdict=verdict, here=here, there=tuple(there.values()))


Apart = Mapping[Pair, bytes]
"""Whom people have said not to be one, with the digest (`joint`) of what both sides said then."""
