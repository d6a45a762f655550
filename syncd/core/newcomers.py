"""People of a plan who are new, in a target that holds nobody: nearly everybody of a first run.

What is to be done about them is plain: create them with everything that is said of them, once those are there whom they name.
`syncd.core.draft` says the same after many questions that have one answer here; whoever is not plain is left to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, Protocol, TypeVar

from syncd.core.difference import ROLES, references, refers
from syncd.core.errors import Place
from syncd.core.fields import FieldSpec
from syncd.core.model import ROOT_UNIT, Effect, Kind, Lane, Op, SubjectId
from syncd.core.ordering import RANK_LINKS, RANK_PEOPLE
from syncd.core.values import Value, Values, frozen, is_empty

OP: Final = Op.CREATE
KIND: Final = Kind.PERSON
LANE: Final = Lane.JOINER
EFFECTS: Final = (Effect.CREATE,)
REASON: Final = "new in the source"
_DEEPEST: Final = RANK_LINKS - RANK_PEOPLE - 1
_NOBODY: Final[tuple[SubjectId, ...]] = ()


class Wish(Protocol):
    """What is asked of somebody's wish here: of a `Desired`, or of what is made in less time."""

    @property
    def subject(self) -> SubjectId:
        """Return who it is."""
        ...

    @property
    def kind(self) -> Kind:
        """Return what becomes of them."""
        ...

    @property
    def label(self) -> str:
        """Return the name that people know them by."""
        ...

    @property
    def fields(self) -> Values:
        """Return what the target shall hold."""
        ...

    @property
    def rules(self) -> Mapping[str, Place]:
        """Return which rule fills which field."""
        ...

    @property
    def since(self) -> datetime | None:
        """Return when the source changed what led here."""
        ...


W = TypeVar("W", bound=Wish)


class Newcomer(NamedTuple):
    """The creation of one person; what all creations have in common stands above."""

    wanted: Wish
    fields: tuple[tuple[str, Value], ...]
    """What is said, by name."""
    rank: int
    needs: tuple[SubjectId, ...]
    after: tuple[SubjectId, ...]


class Newcomers:
    """Tells plain newcomers from others, for a whole plan: what is the same for everybody is found out once."""

    def __init__(
        self,
        specs: Mapping[str, FieldSpec],
        *,
        coming: Collection[SubjectId],
        order: Mapping[SubjectId, int],
    ) -> None:
        """`coming` is everybody whom the plan makes, `order` how many managers people have above. Nobody has an object yet."""
        self._specs = specs
        self._referring = tuple((name, spec) for name, spec in specs.items() if refers(spec))
        self._coming = coming
        self._order = order
        self._names: dict[tuple[str, ...], list[str]] = {}
        """The names of fields in their order, by the names as they come: nearly everybody has the same."""

    def among(self, wanted: Iterable[W], *, leaving: Collection[SubjectId]) -> tuple[list[Newcomer], list[W]] | None:
        """Return those who are plain and the others, in their order; None if it is not known before whom somebody comes."""
        plain: list[Newcomer] = []
        others: list[W] = []
        for one in wanted:
            steps = self._order.get(one.subject)
            manager = one.fields.get("manager")
            if manager and (steps is None or manager not in self._order):
                return None
            made = None if manager in leaving else self._plain(one, steps or 0)
            if made is None:
                others.append(one)
            else:
                plain.append(made)
        return plain, others

    def _plain(self, one: Wish, steps: int) -> Newcomer | None:
        """Return the creation; None if somebody is named who does not come, or who does not come before."""
        if one.kind is not KIND or one.fields.get(ROLES):
            return None  # no account; or with roles, which are given by a second change
        hard = soft = _NOBODY
        fields, coming = one.fields, self._coming
        for name, spec in self._referring:
            value = fields.get(name)
            if not value:
                continue
            named = references(value, spec)
            for other in named:
                if other not in coming and other != ROOT_UNIT:
                    return None
                if spec.late and (other == ROOT_UNIT or self._order.get(other, steps) >= steps):
                    return None
            if spec.late:
                soft = (*soft, *named) if soft else named
            else:
                hard = (*hard, *named) if hard else named
        return Newcomer(
            one,
            self._said(fields),
            RANK_PEOPLE + min(steps, _DEEPEST),
            _others(hard, one.subject, but=soft),
            _others(soft, one.subject),
        )

    def _said(self, fields: Values) -> tuple[tuple[str, Value], ...]:
        """Return all that is said of somebody, by name."""
        key = tuple(fields)
        if (names := self._names.get(key)) is None:
            names = self._names[key] = [name for name in sorted(key) if name in self._specs]
        return tuple(
            [
                (name, value if type(value) is str else frozen(value))
                for name in names
                if (value := fields[name]) is not None
                and (value and not value.isspace() if type(value) is str else not is_empty(value))
            ]
        )


def _others(
    named: tuple[SubjectId, ...], subject: SubjectId, *, but: Collection[SubjectId] = ()
) -> tuple[SubjectId, ...]:
    """Return whom a creation waits for, each once and in order."""
    if len(named) == 1 and named[0] not in but and named[0] not in (ROOT_UNIT, subject):
        return named  # nearly always
    return tuple(sorted({*named} - {*but, ROOT_UNIT, subject}))
