"""The parts of a delta that need no server: cursors, memories, names, and what DirSync's answers mean."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind
from syncd_active_directory.answers import Answer, RawPage
from syncd_active_directory.choosing import choose
from syncd_active_directory.cursor import Cursor, Seen, parsed, written
from syncd_active_directory.dialects import ACTIVE_DIRECTORY, active_directory_due, active_directory_state
from syncd_active_directory.directory import discover
from syncd_active_directory.dirsync import OID, DirSync
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.met import Met
from syncd_active_directory.names import id_bytes, name_and_id, plain_bytes
from syncd_active_directory.place import Place
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.trust import trust
from syncd_active_directory.units import packed, unpacked
from syncd_active_directory.usn import Usn
from syncd_active_directory.ways import Way
from syncd_active_directory.wire import Wire

BASE = "DC=corp,DC=example,DC=com"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SERVER = uuid.UUID(int=7)


def settings(**changed: Any) -> DirectorySettings:
    values = {"servers": "ldaps://dc1.corp.example.com", "user": "u", "password": "p", "base": BASE, **changed}
    return DirectorySettings.model_validate(values)


# --- cursors ----------------------------------------------------------------------------------------------------------

words = st.text(max_size=8)
numbers = st.integers(min_value=-1, max_value=2**40)
cursors = st.builds(
    Cursor,
    dialect=words,
    way=st.sampled_from(Way),
    mark=st.dictionaries(words, words | numbers, max_size=3),
    server=words,
    digest=words,
    state=st.dictionaries(words, words | numbers, max_size=2),
    units=words,
    seen=st.builds(
        Seen,
        counts=st.dictionaries(words, numbers, max_size=3),
        bases=st.dictionaries(words, words, max_size=2),
        branches=st.dictionaries(words, numbers, max_size=3),
        rights=st.lists(words, max_size=3).map(tuple),
        server=words,
        at=numbers,
    ),
    at=numbers,
    review=numbers,
    left=numbers,
    recent=st.lists(words, max_size=3).map(tuple),
    hidden=st.lists(words, max_size=3).map(tuple),
)


@given(cursors)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    assert parsed(written(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "x", "[]", "1", "null", '{"version": 1}', '{"version": 1, "seen": 5}'])
def test_a_cursor_that_cannot_be_read_says_so_and_raises_nothing(text: str) -> None:
    assert parsed(text) == "it cannot be read"


def test_a_cursor_of_another_version_is_not_understood_on_purpose() -> None:
    assert parsed('{"version": 0}') == "it was written by another version of syncd"


@given(
    cursors,
    st.sampled_from(["mark", "server", "at", "left", "seen", "recent", "way"]),
    st.sampled_from([None, [1], {}, 1.5]),
)
def test_a_cursor_that_was_tampered_with_is_refused(cursor: Cursor, name: str, value: object) -> None:
    found = json.loads(written(cursor))
    if found[name] == value or (name == "mark" and value == {}):
        return
    if name == "recent" and value == {}:
        return
    assert isinstance(parsed(json.dumps({**found, name: value})), str)


def place(**changed: Any) -> Place:
    return discover(ScriptedWire(), settings(**changed))


def test_whatever_decides_what_is_read_makes_another_digest() -> None:
    digests = [
        place().digest(),
        place(base=f"OU=A,{BASE}").digest(),
        place(people_filter="(cn=*)").digest(),
        place(groups=False).digest(),
        place(attributes={"pager": "texts"}).digest(),
        place(base=[{"dn": BASE, "people_filter": "(sn=*)"}]).digest(),
    ]
    assert len(set(digests)) == len(digests)
    assert place().digest() == place(page_size=7, receive_seconds=9).digest()


# --- memories ---------------------------------------------------------------------------------------------------------


@given(st.sets(st.uuids().map(str), max_size=30), st.sets(st.uuids().map(str), max_size=5))
def test_units_are_remembered_and_forgotten_by_id(ids: set[str], more: set[str]) -> None:
    first = unpacked(packed(ids))
    assert all(each in first for each in ids)
    assert not any(each in first for each in more - ids)
    second = unpacked(first.changed(added=more, removed=ids - more))
    assert all((each in second) == (each in more) for each in ids | more)


def test_everybody_is_new_once_also_among_very_many() -> None:
    met = Met()
    assert all(met.add(f"person {number}") for number in range(5000))
    assert not any(met.add(f"person {number}") for number in range(5000))
    assert met.add("somebody else")


def test_whom_a_page_brings_anew_is_told_as_if_each_were_asked_for() -> None:
    one_by_one, at_once = Met(), Met()
    people = [f"person {number * 7919 % 3000}" for number in range(5000)]
    assert at_once.fresh(people[:1500]) == [one_by_one.add(each) for each in people[:1500]]
    assert at_once.fresh(people[1500:]) == [one_by_one.add(each) for each in people[1500:]]
    assert at_once.fresh([]) == []


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_name_with_ids_is_taken_apart() -> None:
    guid = "90E9BDF7-103a-4868-ba6a-b7ba2bea5bbc"
    dn = f"<GUID={guid}>;<SID=S-1-5-21-1-2-3-1131>;CN=a\\;b,{BASE}"
    assert name_and_id(dn) == (f"CN=a\\;b,{BASE}", guid.lower())
    assert plain_bytes(dn.encode()) == f"CN=a\\;b,{BASE}".encode()
    assert id_bytes(dn.encode()) == guid.encode()
    assert name_and_id(f"<GUID={guid}>;OU=x,{BASE}") == (f"OU=x,{BASE}", guid.lower())


@given(st.text())
def test_any_other_text_is_a_name_without_id(text: str) -> None:
    assert name_and_id(text) == (text, "")
    assert plain_bytes(text.encode()) == text.encode()


# --- states -----------------------------------------------------------------------------------------------------------


def test_a_state_says_when_it_will_be_another_one() -> None:
    state = active_directory_state({"userAccountControl": 512, "accountExpires": "2027-01-01T00:00:00Z"}, NOW)
    assert (state.enabled, state.review_at) == (True, datetime(2027, 1, 1, tzinfo=UTC))
    state = active_directory_state({"userAccountControl": 512, "accountExpires": "2026-01-01T00:00:00Z"}, NOW)
    assert (state.enabled, state.review_at) == (False, None)


def test_who_expires_between_two_moments_is_asked_for_in_the_directorys_own_count() -> None:
    later = datetime(2026, 11, 23, tzinfo=UTC)
    assert (
        active_directory_due(NOW, later)
        == "(&(accountExpires>=134397792000000000)(accountExpires<=134398656000000000))"
    )


# --- DirSync ----------------------------------------------------------------------------------------------------------


def told(number: int, **attributes: Sequence[bytes]) -> RawEntry:
    guid = uuid.UUID(int=number)
    dn = f"<GUID={guid}>;CN={number},{BASE}"
    return RawEntry(dn=dn, attributes={"objectGUID": [guid.bytes_le], **attributes})


def key(number: int) -> str:
    return str(uuid.UUID(int=number))


class ScriptedWire(Wire):
    """A server that gives the answers that a test wrote down, whatever cookie it is asked with."""

    def __init__(self, *answers: Answer, readable: bool = True, **root: bytes) -> None:
        super().__init__("ldaps://dc1.corp.example.com", settings(), trust(None))
        self.answers = list(answers)
        self.readable = readable
        self.cookies: list[bytes] = []
        self.said = {
            "supportedCapabilities": b"1.2.840.113556.1.4.800",
            "supportedControl": OID.encode(),
            "namingContexts": BASE.encode(),
            "dsServiceName": b"CN=DC1",
            "highestCommittedUSN": b"100",
            "currentTime": b"20261122000000.0Z",
            **root,
        }

    def entry(self, base: str, wanted: Sequence[str], *, doing: str) -> RawEntry | None:
        if base:
            return RawEntry(dn=base, attributes={"invocationId": [SERVER.bytes_le]})
        return RawEntry(dn="", attributes={name: [value] for name, value in self.said.items()})

    def present(self, name: str, wanted: Sequence[str], *, doing: str, controls: object = ()) -> RawEntry | None:
        return RawEntry(dn=name, attributes={"objectGUID": [bytes(16)]} if self.readable else {})

    def pages(self, **search: Any) -> Iterator[RawPage]:
        yield RawPage(entries=())

    def answer(self, *, control: Any, filter_: str, **search: Any) -> Answer:
        if "objectGUID=" in filter_:
            return reply()
        self.cookies.append(control[2])
        return self.answers.pop(0)


def reply(*entries: RawEntry, code: int = 0, cookie: bytes = b"new", more: bool = False) -> Answer:
    said: Mapping[str, Any] = {OID: {"more_results": more, "cookie": cookie}}
    return Answer(code=code, text="told why", entries=entries, controls={} if code else said)


MARK = {BASE: "b2xk", "at": "20261121000000.0Z"}


def dirsync(wire: ScriptedWire) -> DirSync:
    return DirSync(wire, discover(wire, settings()))


def test_dirsync_tells_changes_moves_newcomers_and_deletions_apart() -> None:
    entries = (
        told(1, title=[b"A"]),
        told(2, name=[b"x"], parentGUID=[bytes(16)]),
        told(3, name=[b"x"], objectClass=[b"user"]),
        told(4, isDeleted=[b"TRUE"], name=[b"x"], accountExpires=[]),
        told(5, isDeleted=[], name=[b"x"]),
        told(6, title=[]),
    )
    found = dirsync(ScriptedWire(reply(*entries))).since(MARK)
    assert found.changed == {key(number) for number in (1, 2, 3, 5, 6)}
    assert found.moved == frozenset({key(2), key(3), key(5)})
    assert [set(found.born), set(found.returned), set(found.gone)] == [{key(3)}, {key(5)}, {key(4)}]
    assert (found.over, found.regrouped) == ("", "")
    assert found.names[key(1)] == f"CN=1,{BASE}"


def test_dirsync_tells_who_came_into_a_group_and_who_left_it() -> None:
    came, left = (f"<GUID={key(number)}>;CN={number},{BASE}".encode() for number in (8, 9))
    group = told(7, **{"member;range=1-1": [came], "member;range=0-0": [left]})
    assert dirsync(ScriptedWire(reply(group))).since(MARK).changed == {key(7), key(8), key(9)}


def test_a_deleted_object_that_may_have_been_a_group_is_taken_for_one() -> None:
    found = dirsync(ScriptedWire(reply(told(4, isDeleted=[b"TRUE"])))).since(MARK)
    assert found.regrouped


def test_dirsync_is_asked_until_nothing_is_left() -> None:
    wire = ScriptedWire(reply(told(1), more=True, cookie=b"half"), reply(told(2), cookie=b"whole"))
    found = dirsync(wire).since(MARK)
    assert found.changed == {key(1), key(2)}
    assert found.mark[BASE] == "d2hvbGU="
    assert len(wire.cookies) == 2


@pytest.mark.parametrize("mark", [{}, {BASE: ""}, {BASE: 5}, {BASE: "not base64!"}, {"DC=other": "b2xk"}])
def test_a_position_that_is_none_starts_over(mark: dict[str, str | int]) -> None:
    assert dirsync(ScriptedWire()).since(mark).over


def test_a_stale_cookie_starts_over_and_a_busy_server_does_not() -> None:
    assert "told why" in dirsync(ScriptedWire(reply(code=12))).since(MARK).over
    with pytest.raises(Exception, match="ADS-034"):
        dirsync(ScriptedWire(reply(code=51))).since(MARK)


def test_a_position_from_before_tombstones_are_forgotten_starts_over() -> None:
    assert dirsync(ScriptedWire()).since({**MARK, "at": "20260901000000.0Z"}).over
    assert dirsync(ScriptedWire()).since({BASE: "b2xk"}).over


def test_samba_tells_of_deletions_only_whoever_may_see_them() -> None:
    assert not dirsync(ScriptedWire(readable=False, vendorName=b"Samba Team")).tells_deletions
    assert dirsync(ScriptedWire(readable=False)).tells_deletions
    assert dirsync(ScriptedWire(vendorName=b"Samba Team")).tells_deletions


# --- uSNChanged -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark",
    [
        {},
        {"server": str(SERVER), "usn": "100", "at": "20261121000000.0Z"},
        {"server": "another", "usn": 90, "at": "20261121000000.0Z"},
        {"server": str(SERVER), "usn": 101, "at": "20261121000000.0Z"},
        {"server": str(SERVER), "usn": 90, "at": "20260101000000.0Z"},
    ],
    ids=["none", "no number", "another server", "a server that went back", "long ago"],
)
def test_a_count_that_is_not_this_servers_starts_over(mark: dict[str, str | int]) -> None:
    wire = ScriptedWire()
    assert Usn(wire, discover(wire, settings())).since(mark).over


def test_a_count_of_this_server_goes_on() -> None:
    wire = ScriptedWire()
    found = Usn(wire, discover(wire, settings())).since({"server": str(SERVER), "usn": 90, "at": "20261121000000.0Z"})
    assert (found.over, found.mark["usn"], found.moved) == ("", 100, None)


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_the_best_way_is_taken_and_the_next_one_where_it_is_not_offered() -> None:
    for wire, expected in ((ScriptedWire(), Way.DIRSYNC), (ScriptedWire(supportedControl=b"1.2.3"), Way.USN)):
        taken = choose(wire, discover(wire, settings()), settings())
        assert taken is not None
        assert taken.way is expected


def test_a_way_that_is_wanted_and_not_there_is_said() -> None:
    wire = ScriptedWire(supportedControl=b"1.2.3")
    with pytest.raises(NeedsHuman, match="ADS-101"):
        choose(wire, discover(wire, settings()), settings(changes="dirsync"))
    with pytest.raises(NeedsHuman, match="ADS-106"):
        choose(wire, discover(wire, settings()), settings(changes="syncrepl"))


def test_rules_that_name_no_attribute_read_none_and_unknown_rules_all() -> None:
    wire = ScriptedWire()
    unknown = discover(wire, settings())
    known = discover(wire, settings(), {Kind.PERSON: frozenset({"memberOf"})})
    assert unknown.reads(Kind.PERSON, "manager")
    assert not known.reads(Kind.PERSON, "manager")
    assert known.reads(Kind.PERSON, "MEMBEROF")
    assert ACTIVE_DIRECTORY.name == known.dialect.name
