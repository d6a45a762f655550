"""Which bell is used, what a look takes for a change, and that the watch goes where the reads go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind
from syncd.core.ports import Standing
from syncd_active_directory import ActiveDirectory, Ldap
from syncd_active_directory.answers import RawPage
from syncd_active_directory.checks_ways import check_noticing
from syncd_active_directory.dialects import ACTIVE_DIRECTORY, Dialect
from syncd_active_directory.dialects_ldap import DS389, LDAP, OPENLDAP
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.looks import Counted, Increment, Stamped
from syncd_active_directory.noticing import Bell, bell_of, listenings
from syncd_active_directory.place import Place, Search
from syncd_active_directory.servers import Servers
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.sync_values import persistent
from syncd_active_directory.ways import Told, Way
from syncd_active_directory.wire import Wire

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
BASE = "dc=example,dc=com"
COMPANY = f"ou=Company,{BASE}"
NOTIFICATION = b"1.2.840.113556.1.4.528"
SYNC = b"1.3.6.1.4.1.4203.1.9.1.1"
PERSISTENT = b"2.16.840.1.113730.3.4.3"


def place(dialect: Dialect, *offered: bytes, count: int = 1) -> Place:
    return Place(
        dialect=dialect,
        root={"supportedcontrol": offered, "highestcommittedusn": [str(count).encode()]},
        server="",
        host="ldap1.example.com",
        contexts=(BASE,),
        searches=(Search(kind=Kind.PERSON, base=COMPANY, filter="(objectClass=person)"),),
        asked={},
        at=NOW,
    )


def settings(make: type[ActiveDirectory] = Ldap, **values: Any) -> DirectorySettings:
    usual = {
        "servers": ["ldaps://one.example.com", "ldaps://two.example.com"],
        "user": "uid=svc-syncd,dc=example,dc=com",
        "password": "Example-Service-1!",
        "base": COMPANY,
    }
    return make.settings.model_validate({**usual, **values})


# --- bells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "offered", "bell"),
    [
        (ACTIVE_DIRECTORY, [NOTIFICATION], Bell.NOTIFICATION),
        (ACTIVE_DIRECTORY, [SYNC, PERSISTENT], None),
        (OPENLDAP, [SYNC], Bell.PERSIST),
        (DS389, [SYNC, PERSISTENT], Bell.SEARCH),
        (DS389, [SYNC], Bell.PERSIST),
        (LDAP, [PERSISTENT], Bell.SEARCH),
        (OPENLDAP, [], None),
    ],
)
def test_a_server_rings_by_what_it_offers(dialect: Dialect, offered: list[bytes], bell: Bell | None) -> None:
    assert bell_of(place(dialect, *offered), settings()) is bell


def test_who_wants_no_bell_gets_none() -> None:
    assert bell_of(place(OPENLDAP, SYNC), settings(watch={"notification": "off"})) is None


def test_who_insists_on_a_bell_is_told_that_there_is_none() -> None:
    with pytest.raises(NeedsHuman) as told:
        bell_of(place(OPENLDAP), settings(watch={"notification": "on"}))
    assert told.value.problem.code == "ADS-110"


def test_active_directory_rings_for_whole_naming_contexts_only() -> None:
    (one,) = listenings(Bell.NOTIFICATION, cast(Wire, None), place(ACTIVE_DIRECTORY, NOTIFICATION))
    assert (one.base, one.filter, one.control[0]) == (BASE, "(objectClass=*)", NOTIFICATION.decode())


def test_a_persistent_search_asks_for_changes_of_any_kind_and_for_nothing_that_was_before() -> None:
    (one,) = listenings(Bell.SEARCH, cast(Wire, None), place(DS389, PERSISTENT))
    assert one.base == COMPANY
    # draft-ietf-ldapext-psearch-03 §4: add 1, delete 2, modify 4, modDN 8; changesOnly; no entry change notifications.
    assert one.control[2] == b"\x30\x09" + b"\x02\x01\x0f" + b"\x01\x01\xff" + b"\x01\x01\x00"


def test_refresh_and_persist_is_mode_three() -> None:
    # RFC 4533 §2.2: SEQUENCE { mode ENUMERATED { refreshAndPersist (3) }, cookie OCTET STRING }.
    assert persistent(b"rid=000") == b"\x30\x0c" + b"\x0a\x01\x03" + b"\x04\x07rid=000"


# --- looks ------------------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """A wire to a server that shows what a test wants."""

    values: dict[str, list[str]] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)
    filters: list[str] = field(default_factory=list)

    def entry(self, base: str, wanted: Sequence[str], *, doing: str) -> RawEntry | None:
        return self.present(base, wanted, doing=doing)

    def present(self, base: str, wanted: Sequence[str], *, doing: str) -> RawEntry | None:
        found = {name: [each.encode() for each in self.values[name]] for name in wanted if name in self.values}
        return RawEntry(dn=base, attributes=found)

    def pages(self, *, filter_: str, **_: Any) -> Iterator[RawPage]:
        self.filters.append(filter_)
        since = filter_.partition(">=")[2].rstrip(")")
        found = [(dn, at) for dn, at in self.stamps.items() if at >= since]
        yield RawPage(entries=tuple(RawEntry(dn=dn, attributes={"modifyTimestamp": [at.encode()]}) for dn, at in found))


@dataclass
class Teller:
    """A way that tells what a test wants."""

    told: list[Told] = field(default_factory=list)
    way: Way = Way.DIRSYNC
    asked: int = 0

    def mark(self, last: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        return {"position": self.asked}

    def since(self, mark: Mapping[str, Any]) -> Told:
        assert mark == {"position": self.asked}, "each increment begins where the last one ended"
        self.asked += 1
        return self.told.pop(0)


def increment(*told: Told) -> tuple[Increment, Shown, Teller]:
    shown, teller = Shown(values={"highestCommittedUSN": ["1"]}), Teller(list(told))
    return Increment(cast(Wire, shown), place(ACTIVE_DIRECTORY), cast(Any, teller)), shown, teller


def told(number: int = 1, **words: Any) -> Told:
    return Told(mark={"position": number}, **words)


def test_where_the_count_has_not_moved_nobody_is_asked_further() -> None:
    look, _, teller = increment()
    assert not look.changed()
    assert teller.asked == 0


OUTSIDE = {"id": f"cn=printer,ou=Elsewhere,{BASE}"}
INSIDE = {"id": f"cn=contoh,{COMPANY}"}


@pytest.mark.parametrize(
    ("what", "wakes"),
    [
        (told(), False),
        (told(changed=frozenset({"id"}), moved=frozenset(), names=OUTSIDE), False),
        (told(changed=frozenset({"id"}), moved=frozenset({"id"}), names=OUTSIDE), True),
        (told(changed=frozenset({"id"}), moved=None, names=OUTSIDE), True),
        (told(changed=frozenset({"id"}), moved=frozenset(), names=INSIDE), True),
        (told(changed=frozenset({"id"}), moved=frozenset()), True),
        (told(gone=frozenset({"id"})), True),
        (told(regrouped="a group was deleted"), True),
    ],
    ids=[
        *("nobody", "somebody outside", "moved out", "perhaps moved out", "somebody inside", "somebody somewhere"),
        *("deleted", "a group"),
    ],
)
def test_a_count_that_moved_wakes_if_it_was_for_somebody_who_may_be_read(what: Told, wakes: bool) -> None:
    look, shown, _ = increment(what)
    shown.values["highestCommittedUSN"] = ["2"]
    assert look.changed() is wakes
    assert not look.changed(), "it was told once"


def test_an_increment_that_the_server_cannot_tell_wakes_and_is_begun_anew() -> None:
    look, shown, _ = increment(told(over="the server does not take up where the last read ended"), told(2))
    shown.values["highestCommittedUSN"] = ["2"]
    assert look.changed()
    shown.values["highestCommittedUSN"] = ["3"]
    assert not look.changed()


def test_what_a_server_counts_wakes_when_it_is_another() -> None:
    shown = Shown(values={"contextCSN": ["a", "b"]})
    look = Counted(cast(Wire, shown), bases=[BASE], attribute="contextCSN")
    shown.values["contextCSN"] = ["b", "a"]
    assert not look.changed(), "the order says nothing"
    shown.values["contextCSN"] = ["a", "c"]
    assert look.changed()
    assert not look.changed()


def test_the_latest_stamp_wakes_also_if_another_one_gets_it_in_the_same_second() -> None:
    shown = Shown(stamps={"uid=one": "20261122012500Z"})
    look = Stamped(cast(Wire, shown), place(LDAP))
    assert not look.changed()
    assert shown.filters[-1] == "(modifyTimestamp>=20261122012500Z)", "only the latest are asked for"
    shown.stamps["uid=two"] = "20261122012500Z"
    assert look.changed()
    assert not look.changed()
    shown.stamps["uid=one"] = "20261122012600Z"
    assert look.changed()
    assert not look.changed()


def test_a_directory_that_nobody_changes_is_looked_at_without_a_wake() -> None:
    look = Stamped(cast(Wire, Shown()), place(LDAP))
    assert not look.changed()
    assert not look.changed()


# --- servers ----------------------------------------------------------------------------------------------------------


def test_the_watch_follows_the_reads_to_another_server_while_that_is_well() -> None:
    one, two = "ldaps://one.example.com", "ldaps://two.example.com"
    # Who reads and who watches are two instances of one source.
    reads, watch = (Servers("a source of this test", settings()) for _ in range(2))
    assert not watch.elsewhere(one, NOW), "nobody reads"
    reads.reading = one
    assert not watch.elsewhere(one, NOW)
    assert watch.elsewhere(two, NOW)
    assert not Servers("another source", settings()).elsewhere(two, NOW)
    reads.failed(one, NOW)
    assert not watch.elsewhere(two, NOW), "it could not be reached"
    assert watch.elsewhere(two, NOW + timedelta(hours=1))


# --- what the check says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "offered", "values", "standing", "seen"),
    [
        (
            ACTIVE_DIRECTORY,
            [NOTIFICATION],
            {},
            Standing.OK,
            "at once, by change notification, and by a look every 1 s",
        ),
        (ACTIVE_DIRECTORY, [], {"watch": {"poll": "5s"}}, Standing.OK, "by a look every 5 s"),
        (DS389, [PERSISTENT], {}, Standing.OK, "at once, by persistent search"),
        (LDAP, [], {"watch": {"poll": "0s"}}, Standing.OK, "by the schedule only"),
        (LDAP, [], {"watch": {"notification": "on"}}, Standing.FAILED, "by a look every 30 s, or sooner"),
        (LDAP, [PERSISTENT], {"changes": "none"}, Standing.OK, "by the schedule only, because of `changes: none`"),
    ],
)
def test_the_check_says_how_changes_would_be_noticed(
    dialect: Dialect, offered: list[bytes], values: dict[str, Any], standing: Standing, seen: str
) -> None:
    (verdict,) = check_noticing(cast(Wire, None), place(dialect, *offered), settings(**values))
    assert (verdict.standing, verdict.seen) == (standing, seen)
    assert (verdict.problem is not None) == (standing is not Standing.OK)
