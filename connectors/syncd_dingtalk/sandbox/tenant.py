"""The state of one company: everything that a sandbox remembers, with its uniqueness indexes, events and journal.

Each change goes through a `put` or `drop` here, so that indexes, lagging lists and the journal cannot miss one. Rules and
refusals are not here: `users`, `departments` and `roles` ask first and put then. A tenant belongs to its server's thread;
another thread may look at it while the server is idle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, Final

from syncd_dingtalk.sandbox.clock import Clock
from syncd_dingtalk.sandbox.directory import Directory, Lagging
from syncd_dingtalk.sandbox.records import (
    PERMISSIONS,
    ROOT,
    App,
    Contact,
    Department,
    Event,
    Invitation,
    Leaver,
    Membership,
    Role,
    RoleGroup,
    Todo,
    Token,
    User,
)
from syncd_dingtalk.sandbox.settings import SandboxSettings

MAIN_ADMIN: Final = "manager0001"
TOKEN_LIFE_MS: Final = 7_200_000
EVENTS_KEPT: Final = 20_000
_TOP_ORDER: Final = 176_291_022_393_512
"""Where places without an order start; live tenants show numbers of this size (third-party logs)."""
_DEPT_PRIME: Final = 899_999_963

KEYS: Final[Mapping[str, Callable[[Any], str | int]]] = {
    "apps": attrgetter("app_key"),
    "departments": attrgetter("dept_id"),
    "users": attrgetter("userid"),
    "role_groups": attrgetter("group_id"),
    "roles": attrgetter("role_id"),
    "contacts": attrgetter("userid"),
    "tokens": attrgetter("value"),
    "invitations": attrgetter("number"),
    "leavers": attrgetter("sequence"),
    "todos": attrgetter("task_id"),
    "events": attrgetter("sequence"),
}
"""Every table, in the order in which they can be put again, and what its values are found by."""

Record = Callable[[str, str | int, object | None], None]
"""Told of every change: table, key, and the new value or None."""


class Tenant:
    """One company."""

    def __init__(self, settings: SandboxSettings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.record: Record | None = None
        self.settle: Callable[[], None] | None = None
        """Called when a call is over and before it is answered: what was recorded must be safe by then."""
        self.listeners: list[Callable[[Event], None]] = []
        """Told of every event, at once; they deliver it in their own time."""
        self.revision = 0
        """Grows with every change but those of tokens; equal revisions mean that nothing has changed."""
        self.serial = 0
        """The source of every generated id and order; never goes back."""
        self._clear()
        self.found()

    def _clear(self) -> None:
        self.live = Directory()
        self.lagging: Lagging | None = None
        self.apps: dict[str, App] = {}
        self.tokens: dict[str, Token] = {}
        self.app_tokens: dict[str, str] = {}
        self.role_groups: dict[int, RoleGroup] = {}
        self.roles: dict[int, Role] = {}
        self.contacts: dict[str, Contact] = {}
        self.invitations: dict[str, Invitation] = {}
        self.leavers: dict[int, Leaver] = {}
        self.todos: dict[str, Todo] = {}
        self.events: dict[int, Event] = {}
        self.by_mobile: dict[str, str] = {}
        self.by_email: dict[str, str] = {}
        self.by_telephone: dict[str, str] = {}
        self.by_unionid: dict[str, str] = {}
        self.by_login: dict[str, str] = {}
        self.reports: dict[str, dict[str, None]] = {}

    def found(self) -> None:
        """Give an empty tenant its root, its first app, the default roles and its main administrator."""
        put, settings = self.put, self.settings
        put("departments", ROOT, Department(dept_id=ROOT, name=settings.root_name, parent_id=0, order=ROOT))
        app = App(app_key=settings.app_key, app_secret=settings.app_secret, permissions=PERMISSIONS)
        put("apps", app.app_key, app)
        group = RoleGroup(group_id=self.number(), name="默认", system=True)
        put("role_groups", group.group_id, group)
        for name in ("负责人", "主管", "主管理员", "子管理员"):
            role = Role(role_id=self.number(), group_id=group.group_id, name=name, system=True)
            put("roles", role.role_id, role)
        if settings.main_admin:
            put("users", MAIN_ADMIN, self._creator())
        self.follow_lag()

    def _creator(self) -> User:
        now = self.clock.millis()
        return User(
            userid=MAIN_ADMIN,
            unionid=self.unionid_of("86-19900000001"),
            name="Sandbox Administrator",
            mobile="19900000001",
            state_code="86",
            memberships=(Membership(dept_id=ROOT, order=self.next_order()),),
            active=True,
            admin_level=1,
            created_at=now,
            modified_at=now,
        )

    def load(self, serial: int, tables: Mapping[str, Iterable[Any]]) -> None:
        """Become what was stored: values by table, in any order."""
        self._clear()
        self.serial = serial
        for table, key_of in KEYS.items():
            for value in tables.get(table, ()):
                self.put(table, key_of(value), value)
        settings = self.settings
        if (app := self.apps.get(settings.app_key)) is None or app.app_secret != settings.app_secret:
            fresh = App(app_key=settings.app_key, app_secret=settings.app_secret, permissions=PERMISSIONS)
            self.put("apps", settings.app_key, fresh)
        self.follow_lag()

    def reset(self, settings: SandboxSettings | None = None) -> None:
        """Become a new tenant."""
        self.settings = settings or self.settings
        self.serial = 0
        self._clear()
        if self.record is not None:
            self.record("reset", 0, None)
        self.found()

    # --- generated values -------------------------------------------------------------------------------------------

    def next_serial(self) -> int:
        """Return the next number of the tenant."""
        self.serial += 1
        return self.serial

    def number(self) -> int:
        """Return a new id for a department, role or group: positive, not sequential-looking, never given twice."""
        while True:
            made = 100_000_007 + (self.next_serial() * 387_420_489 + self.settings.seed) % _DEPT_PRIME
            if made not in self.live.departments:
                return made

    def next_order(self) -> int:
        """Return the order of a place for which the caller named none: later ones stand further back."""
        return _TOP_ORDER - self.next_serial() * 512

    def hexed(self, text: str, size: int = 16) -> str:
        """Return hexadecimal digits that depend on the seed and `text` only."""
        return hashlib.blake2b(f"{self.settings.seed}/{text}".encode(), digest_size=size).hexdigest()

    def unionid_of(self, account: str) -> str:
        """Return the unionid of a DingTalk account: the same for the same number, whatever companies it joins or leaves."""
        return self.hexed(f"account/{account}", 13) + "iE"

    # --- the one way to change something ----------------------------------------------------------------------------

    def put(self, table: str, key: str | int, value: Any) -> None:
        """Store `value` under `key` of `table` and keep every index true."""
        match value:
            case User():
                self._put_user(value)
            case Department():
                self.live.put_department(value)
                self._show_later(value.dept_id, value)
            case Token():
                self.tokens[value.value] = value
                self.app_tokens[value.app_key] = value.value
            case _:
                getattr(self, table)[key] = value
        self._changed(table, key, value)

    def drop(self, table: str, key: Any) -> None:
        """Forget what `table` has under `key`."""
        if table == "users":
            self._drop_user(key)
        elif table == "departments":
            self.live.drop_department(key)
            self._show_later(key, None)
        else:
            getattr(self, table).pop(key, None)
        self._changed(table, key, None)

    def _changed(self, table: str, key: str | int, value: object | None) -> None:
        self.revision += table != "tokens"
        if self.record is not None:
            self.record(table, key, value)

    def _put_user(self, user: User) -> None:
        old = self.live.users.get(user.userid)
        if old is None:
            self._index(user)
        elif self._keys(old) != self._keys(user):
            self._unindex(old)
            self._index(user)
        self.live.put_user(user)
        self._show_later(user.userid, user)

    def _drop_user(self, userid: str) -> None:
        if (old := self.live.users.get(userid)) is not None:
            self._unindex(old)
        self.live.drop_user(userid)
        self._show_later(userid, None)

    @staticmethod
    def _keys(user: User) -> tuple[str, ...]:
        return (user.mobile, user.email, user.telephone, user.unionid, user.login_id, user.manager_userid)

    def _unique(self, user: User) -> tuple[tuple[dict[str, str], str], ...]:
        return (
            (self.by_mobile, user.number),
            (self.by_email, user.email.lower()),
            (self.by_telephone, user.telephone),
            (self.by_unionid, user.unionid),
            (self.by_login, user.login_id),
        )

    def _index(self, user: User) -> None:
        for index, key in self._unique(user):
            if key:
                index[key] = user.userid
        if user.manager_userid:
            self.reports.setdefault(user.manager_userid, {})[user.userid] = None

    def _unindex(self, user: User) -> None:
        for index, key in self._unique(user):
            index.pop(key, None)
        self.reports.get(user.manager_userid, {}).pop(user.userid, None)

    # --- lists that lag ---------------------------------------------------------------------------------------------

    def follow_lag(self) -> None:
        """Start, change or end lagging, as the settings say now."""
        seconds = self.settings.list_lag_seconds
        if not seconds:
            self.lagging = None
        elif self.lagging is None:
            self.lagging = Lagging(self.live, seconds)
        else:
            self.lagging.seconds = seconds

    def _show_later(self, key: str | int, value: User | Department | None) -> None:
        if self.lagging is not None:
            self.lagging.later(self.clock.now(), key, value)

    @property
    def listed(self) -> Directory:
        """Return the directory as list calls show it now."""
        return self.live if self.lagging is None else self.lagging.at(self.clock.now())

    # --- tokens and events ------------------------------------------------------------------------------------------

    def token_for(self, app: App) -> Token:
        """Return the app's token: the same while it is valid, its life renewed by asking again; a new one afterwards."""
        now = self.clock.millis()
        known = self.tokens.get(self.app_tokens.get(app.app_key, ""))
        value = known.value if known and known.expires_at > now else self.hexed(f"token/{self.next_serial()}")
        if known and known.value != value:
            self.drop("tokens", known.value)
        token = Token(value=value, app_key=app.app_key, expires_at=now + TOKEN_LIFE_MS)
        self.put("tokens", value, token)
        return token

    def expire_tokens(self, value: str | None = None) -> int:
        """Make one token, or all of them, invalid at once; return how many."""
        gone = [token for token in self.tokens if value in (None, token)]
        for token in gone:
            self.drop("tokens", token)
        return len(gone)

    def raise_event(self, type_: str, data: dict[str, Any], origin: str) -> None:
        """Tell the subscribers that something happened."""
        sequence, now = self.next_serial(), self.clock.millis()
        event = Event(
            sequence=sequence,
            event_id=self.hexed(f"event/{sequence}"),
            type=type_,
            born_at=now,
            data=data,
            origin=origin,
        )
        self.put("events", sequence, event)
        if len(self.events) > EVENTS_KEPT:
            self.drop("events", next(iter(self.events)))
        for listener in self.listeners:
            listener(event)

    # --- looking ----------------------------------------------------------------------------------------------------

    def table(self, name: str) -> dict[Any, Any]:
        """Return what a table of `KEYS` holds, by key."""
        known: dict[Any, Any] = getattr(self.live if name in ("users", "departments") else self, name)
        return known
