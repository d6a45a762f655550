"""Which object of the target is which subject. Never writes to the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind, Link, LinkState, Observed, SubjectId, TargetId
from syncd.store import codec, tables
from syncd.store.columns import from_micros, micros
from syncd.store.errors import TAKEN
from syncd.store.statements import Answer, Few, Fields, Many, Upsert, among, portions, several

_T: Final = tables.links
_O: Final = tables.observed
# The very words of the partial unique index, so that it is used.
_HELD: Final = text("links.state <> 'removed'")
_ALL: Final = select(_T).where(_T.c.target == bindparam("of_target"))
_ONE: Final = _ALL.where(_T.c.subject == bindparam("one"))
_BY_TARGET: Final = _ALL.where(_HELD)
_HOLDER: Final = _BY_TARGET.where(_T.c.kind == bindparam("of_kind"), _T.c.target_id == bindparam("object"))
_SOME: Final = Few(
    select(_T.c.subject, _T.c.kind, _T.c.target_id, _T.c.state, _T.c.since, _T.c.adopted).where(
        _T.c.target == bindparam("of_target"), among(_T.c.subject)
    )
)
_HOLDERS: Final = _BY_TARGET.where(_T.c.kind == bindparam("of_kind"), among(_T.c.target_id))
_PUT: Final = Upsert(_T, key=["target", "subject"], lasting=["agreed"])
_AGREE: Final = Many(
    update(_T)
    .where(_T.c.target == bindparam("of_target"), _T.c.subject == bindparam("one"))
    .values(agreed=bindparam("under"))
)
_ANY: Final = select(_T.c.subject).where(_T.c.target == bindparam("of_target")).limit(1)
_POPULATION: Final = (
    select(_T.c.state, _T.c.kind, func.count())
    .where(_T.c.target == bindparam("of_target"), _T.c.state.in_([LinkState.LINKED, LinkState.PENDING]))
    # By state too, because the index goes by state first: else everybody is sorted.
    .group_by(_T.c.state, _T.c.kind)
)
_STANDING: Final = Few(
    select(
        *(_T.c[name] for name in ("subject", "kind", "target_id", "state", "since", "adopted", "agreed")),
        *(_O.c[name] for name in ("label", "mark", "protected", "fields", "unreadable")),
    )
    .select_from(
        _T.outerjoin(
            _O,
            and_(
                _O.c.target == _T.c.target,
                _O.c.kind == _T.c.kind,
                _O.c.target_id == _T.c.target_id,
                # The object of a removed link may be somebody else's by now.
                _T.c.state != LinkState.REMOVED,
            ),
        )
    )
    .where(_T.c.target == bindparam("of_target"), among(_T.c.subject))
)
# Each state by name, so that the index by state is used: there are few groups among very many people.
_THERE: Final = [state for state in LinkState if state is not LinkState.REMOVED]
_OF_KIND: Final = _ALL.where(_T.c.state.in_(_THERE), _T.c.kind == bindparam("of_kind"))
_IN_STATE: Final = select(_T.c.subject).where(
    _T.c.target == bindparam("of_target"), _T.c.state == bindparam("in_state"), _T.c.kind == bindparam("of_kind")
)
_DROP: Final = delete(_T).where(_T.c.target == bindparam("of_target"), _T.c.subject == bindparam("one"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedRow:
    """A subject's link, the digest under which it last agreed with its object, and that object as it is stored."""

    subject: SubjectId
    state: LinkState
    agreed: bytes | None
    """None: not known to agree."""
    raw: bytes | None
    """The object's fields as stored: equal bytes hold equal values. None: removed, or never seen."""
    row: Sequence[Any] = field(repr=False, compare=False)

    @property
    def link(self) -> Link:
        """Return the link; made now, and again each time that it is asked for."""
        subject, kind, target_id, state, since, adopted, *_ = self.row
        return Link(
            subject=subject,
            kind=Kind(kind),
            target_id=target_id,
            state=LinkState(state),
            since=from_micros(since),
            adopted=bool(adopted),
        )

    @property
    def observed(self) -> Observed | None:
        """Return the object; decoded now, and again each time that it is asked for."""
        if self.raw is None:
            return None
        _, kind, target_id, _, _, _, _, label, mark, protected, fields, unreadable = self.row
        return Observed(
            target_id=target_id,
            kind=Kind(kind),
            label=label,
            fields=codec.decode_values(fields),
            mark=mark,
            protected=bool(protected),
            unreadable=frozenset(codec.decode_texts(unreadable)),
        )


class Links:
    """Links, by target. Two subjects never hold one object: the database refuses it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, target: str) -> dict[SubjectId, Link]:
        """Return every link, removed ones too."""
        rows = self._connection.execute(_ALL, {"of_target": target})
        return {link.subject: link for link in map(_link, rows)}

    def by_target(self, target: str) -> dict[tuple[Kind, TargetId], Link]:
        """Return every link that is not removed, by object."""
        rows = self._connection.execute(_BY_TARGET, {"of_target": target})
        return {(link.kind, link.target_id): link for link in map(_link, rows)}

    def get(self, target: str, subject: SubjectId) -> Link | None:
        """Return one."""
        row = self._connection.execute(_ONE, {"of_target": target, "one": subject}).first()
        return None if row is None else _link(row)

    def find(self, target: str, kind: Kind, target_id: TargetId) -> Link | None:
        """Return the link of an object that is not removed."""
        fields = {"of_target": target, "of_kind": kind, "object": target_id}
        row = self._connection.execute(_HOLDER, fields).first()
        return None if row is None else _link(row)

    def get_many(self, target: str, subjects: Iterable[SubjectId]) -> dict[SubjectId, Link]:
        """Return those of these subjects that have one, removed ones too."""
        rows = _SOME.ask(self._connection, {"of_target": target}, subjects)
        return {
            SubjectId(subject): Link(
                subject=SubjectId(subject),
                kind=Kind(kind),
                target_id=TargetId(target_id),
                state=LinkState(state),
                since=from_micros(since),
                adopted=bool(adopted),
            )
            for subject, kind, target_id, state, since, adopted in rows
        }

    def by_objects(self, target: str, kind: Kind, target_ids: Iterable[TargetId]) -> dict[TargetId, Link]:
        """Return the links of these objects that are not removed."""
        rows = several(self._connection, _HOLDERS, {"of_target": target, "of_kind": kind}, target_ids)
        return {link.target_id: link for link in map(_link, rows)}

    def of_kind(self, target: str, kind: Kind) -> dict[SubjectId, Link]:
        """Return the links of one kind that are not removed."""
        rows = self._connection.execute(_OF_KIND, {"of_target": target, "of_kind": kind})
        return {link.subject: link for link in map(_link, rows)}

    def out_of_sight(self, target: str, kind: Kind) -> set[SubjectId]:
        """Return those of one kind who are out of sight and not removed yet, from an index."""
        fields = {"of_target": target, "in_state": LinkState.OFFBOARDED.value, "of_kind": kind.value}
        return {SubjectId(subject) for subject in self._connection.execute(_IN_STATE, fields).scalars()}

    def any(self, target: str) -> bool:
        """Tell whether there is a link, or was one."""
        return self._connection.execute(_ANY, {"of_target": target}).first() is not None

    def population(self, target: str) -> dict[Kind, int]:
        """Count the links that are linked or pending, from an index alone; kinds without one are left out."""
        found: Counter[Kind] = Counter()
        for _, kind, number in self._connection.execute(_POPULATION, {"of_target": target}):
            found[Kind(kind)] += number
        return dict(found)

    def standing(self, target: str, subjects: Iterable[SubjectId]) -> Iterator[LinkedRow]:
        """Stream those of these subjects that have a link, removed ones too, each with its object. Nothing is decoded."""
        return map(_linked, _STANDING.ask(self._connection, {"of_target": target}, subjects))

    def agree(self, target: str, found: Mapping[SubjectId, bytes | None]) -> None:
        """Note the digests under which linked subjects were found in agreement with their objects; None: not any more."""
        for portion in portions(found.items()):
            rows = [{"of_target": target, "one": subject, "under": digest} for subject, digest in portion]
            _AGREE.run(self._connection, rows)

    def put(self, target: str, link: Link) -> None:
        """Insert or replace the subject's link; if it changes, what it agreed under is forgotten.

        Raises NeedsHuman (STO-009) if another subject holds the object."""
        self.put_many(target, [link])

    def put_many(self, target: str, links: Iterable[Link]) -> None:
        """The same for many; if one is refused, none is put."""
        wanted = list(links)
        if not wanted:
            return
        try:
            with self._connection.begin_nested():
                for portion in portions(wanted):
                    _PUT.run(self._connection, [_fields(target, link) for link in portion])
        except IntegrityError as error:
            raise self._taken(target, wanted) from error

    def _taken(self, target: str, links: Iterable[Link]) -> NeedsHuman:
        """Return whose object it was that the database refused to give to a second subject."""
        held = self.by_target(target)
        for link in links:
            holder = held.setdefault((link.kind, link.target_id), link).subject
            if holder != link.subject:
                words = {"kind": link.kind, "target_id": link.target_id, "target": target, "subject": link.subject}
                return NeedsHuman(TAKEN.at(holder=holder, **words))
        raise AssertionError("the database refused a link that nobody holds")

    def drop(self, target: str, subjects: Iterable[SubjectId]) -> None:
        """Forget links."""
        for portion in portions(subjects):
            self._connection.execute(_DROP, [{"of_target": target, "one": subject} for subject in portion])


def _fields(target: str, link: Link) -> Fields:
    return {
        "target": target,
        "subject": link.subject,
        "kind": link.kind,
        "target_id": link.target_id,
        "state": link.state,
        "since": micros(link.since),
        "adopted": link.adopted,
    }


def _linked(row: Sequence[Any]) -> LinkedRow:
    return LinkedRow(subject=row[0], state=_STATES[row[3]], agreed=row[6], raw=row[10], row=row)


_STATES: Final = {state.value: state for state in LinkState}


def _link(row: Answer) -> Link:
    return Link(
        subject=SubjectId(row.subject),
        kind=Kind(row.kind),
        target_id=TargetId(row.target_id),
        state=LinkState(row.state),
        since=from_micros(row.since),
        adopted=row.adopted,
    )
