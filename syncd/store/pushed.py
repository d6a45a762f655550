"""What providers push: their resources and who is in which group, one shelf for each source. It understands no SCIM.

Members are rows, so that taking one out of ten thousand costs one row. Whoever joins or leaves a group gets a new number, as the
group does: a user's representation names its groups.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, text, update

from syncd.core.pushed import Entry, Kept, Member, Sort
from syncd.store.columns import from_micros, micros
from syncd.store.statements import Many, Put, among, numbers, portions, several, stream
from syncd.store.tables import pushed, pushed_members

_P: Final = pushed.c
_M: Final = pushed_members.c
_SOURCE: Final = _P.source == bindparam("of")
_HERE: Final = text("NOT gone")
_ROW: Final = select(_P.id, _P.sort, _P.serial, _P.number, _P.created_at, _P.modified_at, _P.body)
_PRESENT: Final = _ROW.where(_SOURCE, _HERE)
_SORTED: Final = _PRESENT.where(_P.sort == bindparam("sort"))
_GET: Final = _SORTED.where(_P.id == bindparam("id"))
_NAMED: Final = _SORTED.where(_P.name == bindparam("name"))
_EXTERNAL: Final = _SORTED.where(_P.external == bindparam("external"), text("external <> ''")).order_by(_P.serial)
_PAGE: Final = (
    _SORTED.where(_P.serial > bindparam("after")).order_by(_P.serial).limit(bindparam("most")).offset(bindparam("skip"))
)
_ALL: Final = _SORTED.order_by(_P.serial)
_COUNT: Final = select(func.count()).where(_SOURCE, _HERE, _P.sort == bindparam("sort"))
_ADD: Final = Many(insert(pushed))
_PUT: Final = Many(
    update(pushed)
    .where(_SOURCE, _P.id == bindparam("one"))
    .values(
        **{name: bindparam(f"new_{name}") for name in ("number", "name", "external", "modified_at", "gone", "body")}
    )
)
_TOUCH: Final = Many(
    update(pushed)
    .where(_SOURCE, _P.id == bindparam("one"))
    .values(number=bindparam("new_number"), modified_at=bindparam("new_modified_at"))
)
_OF_SOURCE: Final = _M.source == bindparam("of")
_JOINED: Final = pushed_members.outerjoin(pushed, (_P.source == _M.source) & (_P.id == _M.member_id))
_MEMBERS: Final = select(_M.group_id, _M.member_id, _P.sort).select_from(_JOINED).where(_OF_SOURCE, among(_M.group_id))
_GROUPS: Final = select(_M.member_id, _M.group_id).where(_OF_SOURCE, among(_M.member_id))
_IDS: Final = select(_M.member_id).where(_OF_SOURCE, _M.group_id == bindparam("group"))
_SIZE: Final = select(func.count()).where(_OF_SOURCE, _M.group_id == bindparam("group"))
_AMONG: Final = _IDS.where(among(_M.member_id))
_JOIN: Final = Put(pushed_members)
_LEAVE: Final = Many(
    delete(pushed_members).where(_OF_SOURCE, _M.group_id == bindparam("group"), _M.member_id == bindparam("one"))
)
_SINCE: Final = (
    _ROW.add_columns(_P.gone)
    .where(_SOURCE, _P.number > bindparam("after"), _P.number <= bindparam("upto"))
    .order_by(_P.number)
    .limit(bindparam("most"))
)
_LAST: Final = select(func.max(_P.number)).where(_SOURCE)


class Pushed:
    """What was pushed, by source."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def shelf(self, source: str, *, at: datetime) -> SourceShelf:
        """Return the shelf of one source; what is changed on it is changed `at`."""
        return SourceShelf(self._connection, source, at)

    def last(self, source: str) -> int:
        """Return the number of the last change, 0 before the first."""
        return int(self._connection.execute(_LAST, {"of": source}).scalar() or 0)

    def since(self, source: str, *, after: int, upto: int, most: int) -> tuple[list[Kept], list[tuple[str, int]]]:
        """Return up to so many resources that were changed after one number up to another, and those that are gone (id, number),
        in the order of their numbers."""
        rows = self._connection.execute(_SINCE, {"of": source, "after": after, "upto": upto, "most": most}).all()
        return [_kept(row) for row in rows if not row[-1]], [(row[0], row[3]) for row in rows if row[-1]]


class SourceShelf:
    """What was pushed to one source (`syncd.core.pushed.Shelf`)."""

    def __init__(self, connection: Connection, source: str, at: datetime) -> None:
        self._connection = connection
        self._of = {"of": source}
        self._at = at

    def get(self, sort: Sort, id: str) -> Kept | None:
        """Return a resource, None where there is none."""
        return self._one(_GET, sort=sort.value, id=id)

    def named(self, sort: Sort, name: str) -> Kept | None:
        """Return who has this name, folded."""
        return self._one(_NAMED, sort=sort.value, name=name)

    def external(self, sort: Sort, external: str) -> list[Kept]:
        """Return those with the provider's id."""
        return [
            _kept(row) for row in self._connection.execute(_EXTERNAL, self._said(sort=sort.value, external=external))
        ]

    def count(self, sort: Sort) -> int:
        """Return how many there are."""
        return int(self._connection.execute(_COUNT, self._said(sort=sort.value)).scalar_one())

    def page(self, sort: Sort, *, after: int = 0, skip: int = 0, limit: int) -> list[Kept]:
        """Return resources in the order of their serials."""
        said = self._said(sort=sort.value, after=after, skip=skip, most=limit)
        return [_kept(row) for row in self._connection.execute(_PAGE, said)]

    def all(self, sort: Sort) -> Iterator[Kept]:
        """Yield all of a sort in the order of their serials."""
        return map(_kept, stream(self._connection, _ALL, self._said(sort=sort.value)))

    def add(self, sort: Sort, entry: Entry, *, id: str = "") -> Kept:
        """Keep a new resource, under an id that was never given: this one, or one of our own."""
        number, at = self._number(), self._at
        made = Kept(
            id=id or str(uuid4()),
            sort=sort,
            serial=number,
            number=number,
            created_at=at,
            modified_at=at,
            body=entry.body,
        )
        row = {
            "source": self._of["of"],
            "id": made.id,
            "sort": sort.value,
            "serial": number,
            "number": number,
            "name": entry.name,
            "external": entry.external,
            "created_at": micros(at),
            "modified_at": micros(at),
            "gone": False,
            "body": entry.body,
        }
        _ADD.run(self._connection, [row])
        return made

    def put(self, kept: Kept, entry: Entry) -> Kept:
        """Replace what is kept of a resource."""
        number = self._number()
        self._write(kept.id, entry, number=number, gone=False)
        return replace(kept, body=entry.body, number=number, modified_at=self._at)

    def remove(self, kept: Kept) -> None:
        """Forget a resource; of a group its members are told, of a member its groups."""
        if kept.sort is Sort.GROUP:
            self.leave(kept.id, None)
        for group in self.groups([kept.id]).get(kept.id, ()):
            self.leave(group, [kept.id])
            self._touch([group])
        self._write(kept.id, Entry(body=b"", name="", external=""), number=self._number(), gone=True)

    def members(self, groups: Collection[str]) -> Mapping[str, Sequence[Member]]:
        """Return the members of groups."""
        found: dict[str, list[Member]] = {}
        for group, member, sort in several(self._connection, _MEMBERS, self._of, groups):
            found.setdefault(group, []).append(Member(id=member, sort=Sort(sort) if sort else None))
        return found

    def size(self, group: str) -> int:
        """Return how many members a group has."""
        return int(self._connection.execute(_SIZE, self._said(group=group)).scalar_one())

    def groups(self, members: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return the groups of members."""
        found: dict[str, list[str]] = {}
        for member, group in several(self._connection, _GROUPS, self._of, members):
            found.setdefault(member, []).append(group)
        return found

    def join(self, group: str, ids: Collection[str]) -> None:
        """Put members into a group; those that are in it already stay."""
        inside = {row[0] for row in several(self._connection, _AMONG, self._said(group=group), ids)}
        fresh = [one for one in dict.fromkeys(ids) if one not in inside]
        for portion in portions(fresh):
            _JOIN.run(self._connection, [(self._of["of"], group, one) for one in portion])
        self._touch(fresh)

    def leave(self, group: str, ids: Collection[str] | None) -> None:
        """Take members out of a group, None: all; those that are not in it are fine."""
        said = self._said(group=group)
        if ids is None:
            inside = list(self._connection.execute(_IDS, said).scalars())
        else:
            inside = [row[0] for row in several(self._connection, _AMONG, said, ids)]
        for portion in portions(inside):
            _LEAVE.run(self._connection, [{**said, "one": one} for one in portion])
        self._touch(inside)

    def _touch(self, ids: Sequence[str]) -> None:
        for portion in portions(ids):
            given = numbers(self._connection, "pushed", len(portion))
            at = micros(self._at)
            rows = [
                {**self._of, "one": one, "new_number": number, "new_modified_at": at}
                for one, number in zip(portion, given, strict=True)
            ]
            _TOUCH.run(self._connection, rows)

    def _write(self, id: str, entry: Entry, *, number: int, gone: bool) -> None:
        row = {
            **self._of,
            "one": id,
            "new_number": number,
            "new_name": entry.name,
            "new_external": entry.external,
            "new_modified_at": micros(self._at),
            "new_gone": gone,
            "new_body": entry.body,
        }
        _PUT.run(self._connection, [row])

    def _number(self) -> int:
        return numbers(self._connection, "pushed", 1)[0]

    def _one(self, question: Select[Any], **words: object) -> Kept | None:
        row = self._connection.execute(question, self._said(**words)).first()
        return None if row is None else _kept(row)

    def _said(self, **words: object) -> dict[str, object]:
        return {**self._of, **words}


def _kept(row: Sequence[Any]) -> Kept:
    return Kept(
        id=row[0],
        sort=Sort(row[1]),
        serial=row[2],
        number=row[3],
        created_at=from_micros(row[4]),
        modified_at=from_micros(row[5]),
        body=row[6],
    )
