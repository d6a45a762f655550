"""The names that rules of one kind may read and fill, with their types: a source's attributes, the canonical attributes,
a target's fields. It answers and suggests; it decides nothing about values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from syncd.config.yaml import did_you_mean
from syncd.core.attributes import ATTRIBUTES, attribute
from syncd.core.errors import Place, Problem, foreign
from syncd.core.fields import FieldSpec
from syncd.core.model import Kind
from syncd.mapping import messages
from syncd.mapping.shapes import SHAPES, TARGET_SHAPES, Conform, attribute_conform, field_conform

PATH: Final = "path"
"""In outbound rules: the names of the main unit's ancestors and of itself, top first."""
NEIGHBOURS: Final[Mapping[Kind, Mapping[str, Kind]]] = {
    Kind.PERSON: {"unit": Kind.UNIT, "manager": Kind.PERSON},
    Kind.UNIT: {"parent": Kind.UNIT},
    Kind.GROUP: {},
    Kind.CONTACT: {"unit": Kind.UNIT, "manager": Kind.PERSON},
}
"""In outbound rules: whose attributes may be read besides one's own, by prefix."""
_SOURCE_TYPES: Final = frozenset({"text", "texts", "number", "flag", "instant", "date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One field that rules may fill."""

    shape: str
    conform: Conform
    spec: FieldSpec | None = None
    limited: bool = False
    """The values themselves have to be looked at, whatever their type."""


class Vocabulary(Protocol):
    """What the rules of one kind of object may name."""

    @property
    def kind(self) -> Kind: ...

    @property
    def inbound(self) -> bool: ...

    def type_of(self, name: str) -> str | None:
        """Return the type of an attribute that rules may read, None where there is none."""
        ...

    def names(self) -> Mapping[str, str]:
        """Return the attributes known by name, with their types."""
        ...

    def unread(self, name: str, place: Place) -> Problem:
        """Return the problem to tell about an attribute that cannot be read."""
        ...

    def slot(self, name: str) -> Slot | None:
        """Return the field that rules may fill, None where there is none."""
        ...

    def unfilled(self, name: str, place: Place) -> Problem:
        """Return the problem to tell about a field that cannot be filled."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FromSource:
    """Inbound: reads a source's attributes, fills canonical ones."""

    kind: Kind
    source: str
    attributes: Mapping[str, str] | None
    """None where only the data can tell (a table's columns): then every name may be read."""
    inbound: bool = True

    def type_of(self, name: str) -> str | None:
        if self.attributes is None:
            return "any"
        type_ = self.attributes.get(name)
        return type_ if type_ is None or type_ in _SOURCE_TYPES else "any"

    def names(self) -> Mapping[str, str]:
        return {name: self.type_of(name) or "any" for name in self.attributes or {}}

    def unread(self, name: str, place: Place) -> Problem:
        words = {"source": self.source, "name": foreign(name), "kind": self.kind.value}
        similar = did_you_mean(name, self.attributes or {})
        return messages.UNKNOWN_SOURCE_ATTRIBUTE.at(place, similar=similar, **words)

    def slot(self, name: str) -> Slot | None:
        known = attribute(self.kind, name)
        if known is None or name == "extra":
            return None
        return Slot(shape=SHAPES[known.type], conform=attribute_conform(known))

    def unfilled(self, name: str, place: Place) -> Problem:
        return unknown_attribute(self.kind, name, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTarget:
    """Outbound: reads canonical attributes, fills a target's fields."""

    kind: Kind
    fields: Mapping[str, FieldSpec]
    inbound: bool = False

    @property
    def _made_of(self) -> Kind:
        """Return whose attributes are read: a contact is made of a person."""
        return Kind.PERSON if self.kind is Kind.CONTACT else self.kind

    def type_of(self, name: str) -> str | None:
        if name == PATH and self.kind is not Kind.GROUP:
            return "texts"
        prefix, _, rest = name.partition(".")
        kind = NEIGHBOURS[self.kind].get(prefix) if rest else None
        known = attribute(kind, rest) if kind else attribute(self._made_of, name)
        return SHAPES[known.type] if known and not name.endswith("extra") else None

    def names(self) -> Mapping[str, str]:
        own = [name for name in ATTRIBUTES[self._made_of] if name != "extra"]
        near = [
            f"{prefix}.{name}"
            for prefix, kind in NEIGHBOURS[self.kind].items()
            for name in ATTRIBUTES[kind]
            if name != "extra"
        ]
        path = [] if self.kind is Kind.GROUP else [PATH]
        return {name: self.type_of(name) or "any" for name in (*own, *near, *path)}

    def unread(self, name: str, place: Place) -> Problem:
        similar = did_you_mean(name, self.names())
        return messages.UNKNOWN_ATTRIBUTE.at(place, kind=self.kind.value, name=foreign(name), similar=similar)

    def slot(self, name: str) -> Slot | None:
        spec = self.fields.get(name)
        if spec is None or spec.read_only:
            return None
        limited = bool(spec.max_length or spec.forbidden or spec.pattern)
        return Slot(shape=TARGET_SHAPES[spec.type], conform=field_conform(spec), spec=spec, limited=limited)

    def unfilled(self, name: str, place: Place) -> Problem:
        fillable = [each for each, spec in self.fields.items() if not spec.read_only]
        words = {"kind": self.kind.value, "name": foreign(name), "known": ", ".join(fillable)}
        return messages.UNKNOWN_FIELD.at(place, similar=did_you_mean(name, fillable), **words)


def unknown_attribute(kind: Kind, name: str, place: Place) -> Problem:
    """Return the problem to tell about a name that is no canonical attribute."""
    similar = did_you_mean(name, ATTRIBUTES[kind])
    return messages.UNKNOWN_ATTRIBUTE.at(place, kind=kind.value, name=foreign(name), similar=similar)
