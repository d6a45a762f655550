"""What a read concludes from what the directory answers, with answers that a test server cannot be made to give."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from syncd.core.errors import TryAgain
from syncd.core.known import NOTHING_KNOWN
from syncd.core.model import Page, SourceRecord
from syncd_active_directory.directory import discover, outermost
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.full import Full
from syncd_active_directory.settings import Base, DirectorySettings
from syncd_active_directory.trust import trust
from syncd_active_directory.wire import RawPage, Wire

BASE = "DC=corp,DC=example,DC=com"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def settings(**changed: Any) -> DirectorySettings:
    values = {"servers": "ldaps://dc1.corp.example.com", "user": "u", "password": "p", "base": BASE, **changed}
    return DirectorySettings.model_validate(values)


def person(login: str, **attributes: bytes) -> RawEntry:
    values: dict[str, list[bytes]] = {
        "objectGUID": [uuid.uuid5(uuid.NAMESPACE_DNS, login).bytes_le],
        "objectClass": [b"top", b"person", b"user"],
        "sAMAccountName": [login.encode()],
        "userAccountControl": [b"512"],
    }
    values.update({name: [value] for name, value in attributes.items()})
    return RawEntry(dn=f"CN={login},{BASE}", attributes={name: v for name, v in values.items() if v != [b""]})


class ScriptedWire(Wire):
    """A server that answers what a test wrote down: people's pages only."""

    def __init__(self, *pages: RawPage, roots: Sequence[Mapping[str, bytes]] = ()) -> None:
        super().__init__("ldaps://dc1.corp.example.com", settings(), trust(None))
        self.people = pages
        usual = {"dsServiceName": b"CN=DC1", "highestCommittedUSN": b"100", "isSynchronized": b"TRUE"}
        usual["supportedCapabilities"] = b"1.2.840.113556.1.4.800"
        self.roots = [{**usual, **changed} for changed in (roots or ({}, {}))]

    def entry(self, base: str, wanted: Sequence[str], *, doing: str) -> RawEntry | None:
        if base:
            return None
        return RawEntry(dn="", attributes={name: [value] for name, value in self.roots.pop(0).items()})

    def present(self, name: str, wanted: Sequence[str], *, doing: str, controls: object = ()) -> RawEntry | None:
        return RawEntry(dn=name, attributes={"objectGUID": [uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes_le]})

    def pages(self, *, filter_: str, doing: str, **rest: Any) -> Iterator[RawPage]:
        if doing in ("reading persons", "counting persons"):
            yield from self.people


def pages(wire: ScriptedWire, **changed: Any) -> list[Page]:
    chosen = settings(**changed)
    place = discover(wire, chosen, now=NOW)
    read = Full(wire, place, settings=chosen, telling=None, last=None, known=NOTHING_KNOWN, now=NOW)
    return list(read.pages())


def records(*entries: RawEntry, **changed: Any) -> list[SourceRecord]:
    return [record for page in pages(ScriptedWire(RawPage(entries=entries)), **changed) for record in page.records]


def doubts(wire: ScriptedWire, **changed: Any) -> list[str]:
    completeness = pages(wire, **changed)[-1].completeness
    assert completeness is not None
    return [fact.name for fact in completeness.doubts]


SOMEBODY = RawPage(entries=(person("ani"),))


def test_a_read_with_nothing_to_object_is_proven() -> None:
    assert doubts(ScriptedWire(SOMEBODY)) == []


def test_another_server_behind_the_same_name_takes_the_proof_away() -> None:
    assert doubts(ScriptedWire(SOMEBODY, roots=({}, {"dsServiceName": b"CN=DC2"}))) == ["one server"]
    assert doubts(ScriptedWire(SOMEBODY, roots=({"dsServiceName": b""}, {"dsServiceName": b""}))) == ["one server"]


def test_a_server_that_is_still_being_filled_proves_nobody_gone() -> None:
    assert doubts(ScriptedWire(SOMEBODY, roots=({}, {"isSynchronized": b"FALSE"}))) == [
        "server is in step with the others"
    ]


def test_a_domain_below_the_base_is_a_doubt_until_somebody_decides() -> None:
    page = RawPage(entries=SOMEBODY.entries, continuations=(f"ldap://asia.corp.example.com/DC=asia,{BASE}",))
    assert doubts(ScriptedWire(page)) == ["no other domain below"]
    assert doubts(ScriptedWire(page), other_domains="ignore") == []
    assert [note.code for note in pages(ScriptedWire(page))[-1].notes] == ["ADS-043"]


def test_the_partitions_that_every_domain_has_are_no_other_domain() -> None:
    partitions = ("DC=DomainDnsZones", "DC=ForestDnsZones", "CN=Configuration")
    urls = tuple(f"ldap://corp.example.com/{partition},{BASE}" for partition in partitions)
    assert doubts(ScriptedWire(RawPage(entries=SOMEBODY.entries, continuations=urls))) == []


def test_an_object_without_an_id_is_left_out_and_takes_the_proof_away() -> None:
    wire = ScriptedWire(RawPage(entries=(person("ani"), person("budi", objectGUID=b""))))
    found = pages(wire)
    assert [record.attributes["sAMAccountName"] for page in found for record in page.records] == ["ani"]
    assert [note.code for note in found[-1].notes] == ["ADS-041"]


def test_an_account_whose_state_is_hidden_is_neither_enabled_nor_disabled() -> None:
    hidden = person("ani", userAccountControl=b"")
    (record,) = records(hidden)
    assert "enabled" not in record.attributes
    assert doubts(ScriptedWire(RawPage(entries=(hidden,)))) == ["every account's state is readable"]


def test_a_contact_has_no_state_to_hide() -> None:
    contact = RawEntry(
        dn="CN=c", attributes={"objectGUID": [bytes(16)], "objectClass": [b"top", b"person", b"contact"]}
    )
    assert doubts(ScriptedWire(RawPage(entries=(contact,)))) == []


@pytest.mark.parametrize(
    ("control", "expires", "enabled"),
    [
        (b"512", b"0", True),
        (b"514", b"0", False),
        (b"512", b"9223372036854775807", True),
        (b"512", b"132223104000000000", False),
        (b"66048", b"140000000000000000", True),
    ],
)
def test_an_account_is_enabled_unless_disabled_or_expired(control: bytes, expires: bytes, enabled: bool) -> None:
    (record,) = records(person("ani", userAccountControl=control, accountExpires=expires))
    assert record.attributes["enabled"] is enabled


def test_a_lock_is_what_the_server_computes_and_not_what_the_account_stores() -> None:
    (record,) = records(person("ani", **{"msDS-User-Account-Control-Computed": b"16"}))
    assert record.attributes["locked"] is True
    (record,) = records(person("ani", userAccountControl=b"528", **{"msDS-User-Account-Control-Computed": b"0"}))
    assert record.attributes["locked"] is False


def test_the_servers_bookkeeping_is_no_change_and_everything_else_is() -> None:
    def digest_of(**attributes: bytes) -> bytes:
        return records(person("ani", **attributes))[0].digest

    assert digest_of(whenChanged=b"20260101000000.0Z") == digest_of(whenChanged=b"20260202000000.0Z")
    assert digest_of(title=b"A") != digest_of(title=b"B")
    assert digest_of(title=b"A") != digest_of()


def test_a_computer_is_not_a_person_whatever_the_filter_says() -> None:
    machine = person("pc$")
    machine = RawEntry(dn=machine.dn, attributes={**machine.attributes, "objectClass": [b"user", b"computer"]})
    assert records(person("ani"), machine, people_filter="(objectClass=user)")[0].attributes["sAMAccountName"] == "ani"
    assert len(records(person("ani"), machine)) == 1


def test_text_that_is_not_utf8_is_told_with_the_person_and_the_attribute() -> None:
    (note,) = pages(ScriptedWire(RawPage(entries=(person("ani", name=b"Ani", title=b"\xff"),))))[-1].notes
    assert note.code == "ADS-040"
    assert "“Ani”" in note.what
    assert "“title”" in note.what


def test_bases_below_others_are_read_with_them() -> None:
    def kept(*names: str) -> tuple[str, ...]:
        return tuple(base.dn for base in outermost([Base(dn=name) for name in names]))

    assert kept(f"OU=A,{BASE}", BASE, f"OU=B,{BASE}") == (BASE,)
    assert kept(f"OU=A,{BASE}", f"ou=a,{BASE.lower()}") == (f"OU=A,{BASE}",)
    assert kept(f"OU=A,{BASE}", f"OU=B,{BASE}") == (f"OU=A,{BASE}", f"OU=B,{BASE}")


class RangedWire(Wire):
    """A server that gives at most two values of an attribute at once, as Active Directory gives 1,500."""

    def __init__(self, values: int, *, lose: bool = False) -> None:
        super().__init__("ldaps://dc1.corp.example.com", settings(), trust(None))
        self.values = [f"CN={number}".encode() for number in range(values)]
        self.lose = lose
        self.asked: list[str] = []

    def entry(self, base: str, wanted: Sequence[str], *, doing: str) -> RawEntry | None:
        self.asked.append(base)
        first = int(wanted[0].split("=")[1].split("-")[0])
        return None if self.lose else RawEntry(dn="CN=g", attributes=self.part(first))

    def part(self, first: int) -> dict[str, list[bytes]]:
        last = first + 1
        end = "*" if last >= len(self.values) - 1 else str(last)
        return {f"member;range={first}-{end}": self.values[first : last + 1]}

    def whole(self) -> Sequence[bytes]:
        attributes = {"objectGUID": [uuid.UUID(int=1).bytes_le], "member": [], **self.part(0)}
        return self._whole(RawEntry(dn="CN=g", attributes=attributes), "reading").attributes["member"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_members_that_come_in_ranges_are_all_fetched_by_the_groups_id(count: int) -> None:
    wire = RangedWire(count)
    assert list(wire.whole()) == wire.values
    assert set(wire.asked) <= {"<GUID=00000000-0000-0000-0000-000000000001>"}


def test_a_group_that_vanishes_between_two_ranges_ends_the_read() -> None:
    with pytest.raises(TryAgain, match="ADS-030"):
        RangedWire(5, lose=True).whole()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"servers": "ldap://dc1.corp.example.com"}, "ADS-001"),
        ({"servers": "dc1.corp.example.com"}, "ADS-002"),
        ({"servers": "https://dc1"}, "ADS-002"),
        ({"base": "corp.example.com"}, "ADS-004"),
        ({"people_filter": "(objectClass=user"}, "ADS-005"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_with_what_to_do(wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        settings(**wrong)
    assert [error["type"] for error in refusal.value.errors()] == [code]


@pytest.mark.parametrize("wrong", [{"page_size": 1001}, {"servers": []}, {"verify": False}, {"receive_seconds": 0}])
def test_settings_out_of_bounds_are_refused_and_verification_cannot_be_turned_off(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
