"""People and departments with the indexes that make every check a look-up; once live, once lagging behind for lists.

It keeps the indexes true and nothing else: who may change what is decided elsewhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from syncd_dingtalk.sandbox.records import Department, Membership, User


class Directory:
    """A tree of departments with members. `members` keeps the order of joining, `children` maps names to ids."""

    __slots__ = ("_ranked", "children", "departments", "members", "users")

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.departments: dict[int, Department] = {}
        self.members: dict[int, dict[str, Membership]] = {}
        self.children: dict[int, dict[str, int]] = {}
        self._ranked: dict[int, list[str]] = {}

    def put_user(self, user: User) -> None:
        """Add a person or replace what is known of them."""
        old = self.users.get(user.userid)
        self.users[user.userid] = user
        if old is not None:
            if old.memberships is user.memberships:
                return
            for gone in {place.dept_id for place in old.memberships} - {place.dept_id for place in user.memberships}:
                self._leave(gone, user.userid)
        for place in user.memberships:
            self.members.setdefault(place.dept_id, {})[user.userid] = place
            self._ranked.pop(place.dept_id, None)

    def drop_user(self, userid: str) -> None:
        """Forget a person; unknown ones are forgotten already."""
        user = self.users.pop(userid, None)
        for place in user.memberships if user else ():
            self._leave(place.dept_id, userid)

    def _leave(self, dept_id: int, userid: str) -> None:
        self.members.get(dept_id, {}).pop(userid, None)
        self._ranked.pop(dept_id, None)

    def put_department(self, department: Department) -> None:
        """Add a department or replace what is known of it."""
        old = self.departments.get(department.dept_id)
        if old is not None and (old.parent_id, old.name) != (department.parent_id, department.name):
            self._detach(old)
        self.departments[department.dept_id] = department
        self.children.setdefault(department.parent_id, {})[department.name] = department.dept_id

    def drop_department(self, dept_id: int) -> None:
        """Forget a department. Its members and children must have gone before."""
        department = self.departments.pop(dept_id, None)
        if department is not None:
            self._detach(department)
            self.members.pop(dept_id, None)
            self.children.pop(dept_id, None)
            self._ranked.pop(dept_id, None)

    def _detach(self, department: Department) -> None:
        siblings = self.children.get(department.parent_id, {})
        if siblings.get(department.name) == department.dept_id:
            del siblings[department.name]

    def ranked(self, dept_id: int) -> list[str]:
        """Return the direct members of a department, the largest order first. The list is shared: do not change it."""
        if (known := self._ranked.get(dept_id)) is None:
            places = self.members.get(dept_id, {})
            known = self._ranked[dept_id] = sorted(places, key=lambda userid: -places[userid].order)
        return known

    def below(self, dept_id: int) -> list[Department]:
        """Return the direct sub-departments, the smallest order first."""
        known = (self.departments[child] for child in self.children.get(dept_id, {}).values())
        return sorted(known, key=attrgetter("order", "dept_id"))

    def ancestors(self, dept_id: int) -> list[int]:
        """Return a department's id, its parent's, and so on up to the root's."""
        path = []
        while dept_id in self.departments:
            path.append(dept_id)
            dept_id = self.departments[dept_id].parent_id
        return path

    def subtree(self, dept_id: int) -> Iterator[int]:
        """Yield a department's id and those of everything below it."""
        waiting = [dept_id]
        while waiting:
            current = waiting.pop()
            yield current
            waiting.extend(self.children.get(current, {}).values())

    def height(self, dept_id: int) -> int:
        """Return how many levels a department and what is below it take; 1 for one without children."""
        levels, layer = 0, [dept_id]
        while layer:
            levels += 1
            layer = [child for parent in layer for child in self.children.get(parent, {}).values()]
        return levels

    def copy_from(self, other: Directory) -> None:
        """Become what `other` is."""
        self.users = dict(other.users)
        self.departments = dict(other.departments)
        self.members = {dept_id: dict(places) for dept_id, places in other.members.items()}
        self.children = {dept_id: dict(names) for dept_id, names in other.children.items()}
        self._ranked = {}


@dataclass(frozen=True, slots=True)
class _Late:
    due_at: float
    key: str | int
    value: User | Department | None


class Lagging:
    """A directory as lists still show it: what was changed becomes visible `seconds` later, in order."""

    __slots__ = ("_shown", "_waiting", "seconds")

    def __init__(self, live: Directory, seconds: float) -> None:
        self.seconds = seconds
        self._shown = Directory()
        self._shown.copy_from(live)
        self._waiting: deque[_Late] = deque()

    def later(self, now: float, key: str | int, value: User | Department | None) -> None:
        """Note that `key` became `value` (None: went away) at `now` in seconds."""
        self._waiting.append(_Late(now + self.seconds, key, value))

    def at(self, now: float) -> Directory:
        """Return what lists show at `now`."""
        while self._waiting and self._waiting[0].due_at <= now:
            late = self._waiting.popleft()
            match late.value:
                case User() as user:
                    self._shown.put_user(user)
                case Department() as department:
                    self._shown.put_department(department)
                case None if isinstance(late.key, int):
                    self._shown.drop_department(late.key)
                case None:
                    self._shown.drop_user(str(late.key))
        return self._shown
