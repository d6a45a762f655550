"""Directories that were filled by somebody who means harm, or by twenty years of accidents: read by rule, named, never a crash.

What is neither text nor a number is left out and named; what is text goes on as it is, because what a character may be is for the
target to say; references that lead nowhere or in circles are values like any other. Nobody else is touched by any of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.certificates import Authority
from servers.ldap_standin import Node, Replica, Standin
from servers.ldap_standin_company import COMPANY, GROUPS, company, person, team
from support.directory_mirror import Mirror, present, source
from syncd.core.errors import FOREIGN_TEXT_LIMIT
from syncd.core.model import Kind, SourceRecord
from syncd.core.values import canonical

_STAFF = f"CN=All Staff,{GROUPS}"


@pytest.fixture
def standin(certificate: tuple[Path, Path]) -> Iterator[Standin]:
    with Standin(company(12), certificate=certificate) as server:
        yield server


Look = Callable[..., Mirror]


@pytest.fixture(params=["fast", "ldap3"])
def look(standin: Standin, authority: Authority, request: pytest.FixtureRequest) -> Look:
    """Read everything, with either decoder; the read ends well, is proven, and holds everybody."""

    def read(**settings: Any) -> Mirror:
        chosen = {"decoding": request.param, "receive_seconds": 20, **settings}
        mirror = Mirror(lambda now: source(standin, ca_file=authority.ca_file, now=now, **chosen))
        done = mirror.read()
        assert done.proven, done.doubts or done.error
        assert mirror.records.keys() == present(standin.replica).keys()
        for record in mirror.records.values():
            assert canonical(record.attributes)
        for page in done.pages:
            for note in page.notes:
                assert len(str(note)) < 8 * FOREIGN_TEXT_LIMIT
        return mirror

    return read


def of(mirror: Mirror, node: Node) -> SourceRecord:
    return mirror.records[str(node.guid)]


# --- text -------------------------------------------------------------------------------------------------------------

ODD_TEXT = {
    "control characters": "A\x00B\x01\x07\x1b[31mred\x7f",
    "a line's end": "Contoh\r\nContoh",
    "nothing but blanks": "   ",
    "blanks at both ends": "  Contoh  ",
    "writing from right to left": "\u202eelpmaxE\u202c",
    "no width": "Con\u200btoh\ufeff",
    "combining marks": "e\u0301" * 50 + "Z\u0336\u0337\u0338",
    "beyond the first plane": "😀𠀋👩‍👩‍👧‍👦",
    "not a character": "A\ufffe\uffffB",
    "a formula": "=cmd|' /C calc'!A0",
    "markup": "<script>alert(1)</script>{{7*7}}${7*7}%s%n",
    "a filter and a name": "*)(objectClass=*)(cn=,DC=x",
    "digits that begin with zero": "0000000",
}


@pytest.mark.parametrize("text", ODD_TEXT.values(), ids=ODD_TEXT)
def test_text_is_text_whatever_is_in_it(standin: Standin, look: Look, text: str) -> None:
    node = standin.replica.named("user0005")
    standin.replica.modify(node, displayName=text, title=text, proxyAddresses=[text, "smtp:a@example.com"])
    record = of(look(), node)
    assert record.attributes["displayName"] == record.attributes["title"] == text
    assert text in record.attributes["proxyAddresses"]  # type: ignore[operator]


ODD_NAMES = {
    "every escape": ' #A, + = \\ " ; < > / B ',
    "a line's end": "A\nB",
    "a blank": " ",
    "a number sign": "#",
    "nothing but commas": ",,,",
    "a backslash at the end": "A\\",
    "nothing but backslashes": "\\\\\\",
    "what looks like a name": "CN=Contoh 0001,OU=Company",
    "what looks like an identity": "<GUID=00000000-0000-0000-0000-000000000000>",
    "what looks like an extended name": "A>;<SID=S-1-5-18>;B",
    "not ascii": "陈 é ß İ ı ſ",
    "255 characters": "x" * 255,
    "control characters": "A\x01B\x1fC",
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_a_name_with_every_escape_is_found_as_a_unit_a_manager_and_a_member(
    standin: Standin, look: Look, name: str
) -> None:
    replica = standin.replica
    unit = replica.add(f"OU=Odd,{COMPANY}", "organizationalUnit")
    boss = replica.named(_login(replica, person(replica, 50, above=replica.dn(unit))))
    low = replica.named(_login(replica, person(replica, 51, manager=replica.dn(boss), above=replica.dn(unit))))
    replica.join(_STAFF, boss)
    _called(replica, unit, name)
    _called(replica, boss, name)
    found = look()
    assert of(found, boss).attributes["name"] == name
    assert of(found, unit).attributes["name"] == name
    assert of(found, boss).attributes["parent"] == of(found, low).attributes["parent"] == str(unit.guid)
    manager = of(found, low).attributes["manager"]
    assert isinstance(manager, str)
    assert means(found, of(found, low), manager) == str(boss.guid)
    staff = next(record for record in found.records.values() if record.attributes.get("sAMAccountName") == "All Staff")
    members = staff.attributes["member"]
    assert isinstance(members, tuple)
    assert str(boss.guid) in {means(found, staff, member) for member in members}


def means(found: Mirror, record: SourceRecord, name: str) -> str:
    """Return whom a name in a record means: as the source says, else as the engine finds out."""
    if name in record.references:
        return str(record.references[name])
    hits = [
        str(each.native_id)
        for each in found.records.values()
        if name.casefold() in {alias.casefold() for alias in each.aliases}
    ]
    assert len(hits) == 1, f"{name!r} means {len(hits)} records"
    return hits[0]


def _login(replica: Replica, dn: str) -> str:
    node = replica.find(dn)
    assert node is not None
    return node.text("sAMAccountName")


def _called(replica: Replica, node: Node, name: str) -> None:
    """Rename an object to anything, without having to write it as a name."""
    replica.rename(node, f"{node.rdn[0]}=placeholder")
    replica._place(node, (node.rdn[0], name), node.parent)
    replica.modify(node, name=name, **{node.rdn[0].lower(): name})


# --- bytes ------------------------------------------------------------------------------------------------------------

NO_TEXT = {
    "latin-1": "Renée".encode("latin-1"),
    "a half character": "小".encode()[:2],
    "an overlong slash": b"\xc0\xaf",
    "a surrogate": b"\xed\xa0\x80",
    "an image": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xff",
    "nothing that is text": bytes(range(256)),
}


@pytest.mark.parametrize("raw", NO_TEXT.values(), ids=NO_TEXT)
def test_what_is_no_text_is_left_out_and_named_and_its_neighbours_are_read(
    standin: Standin, look: Look, raw: bytes
) -> None:
    node = standin.replica.named("user0005")
    standin.replica.modify(node, title=raw, otherMobile=[raw, b"+62 811"], userAccountControl="512")
    found = look()
    attributes = of(found, node).attributes
    assert "title" not in attributes
    assert "otherMobile" not in attributes
    assert (attributes["displayName"], attributes["enabled"]) == ("Contoh 0005", True)
    assert found.notes.count("ADS-040") == 2


@pytest.mark.parametrize(
    "raw", [b"", b"many", b"512 ", b"0x200", b"5.12", "５１２".encode(), b"9" * 400, b"-1", b"\xff"], ids=repr
)
def test_a_state_that_is_no_number_is_no_state_and_nobody_is_disabled_by_it(
    standin: Standin, authority: Authority, raw: bytes
) -> None:
    node = standin.replica.named("user0005")
    standin.replica.modify(node, userAccountControl=raw)
    mirror = Mirror(lambda now: source(standin, ca_file=authority.ca_file, now=now))
    read = mirror.read()
    assert read.error is None
    assert mirror.records.keys() == present(standin.replica).keys()
    if "enabled" in of(mirror, node).attributes:
        assert isinstance(of(mirror, node).attributes["userAccountControl"], int)
    else:
        assert read.doubts or read.notes
    assert of(mirror, standin.replica.named("user0006")).attributes["enabled"] is True


@pytest.mark.parametrize("name", ["accountExpires", "whenCreated", "objectSid", "objectClass", "memberOf", "groupType"])
@pytest.mark.parametrize("raw", [b"", b"x", b"\xff\xfe", b"9" * 30, bytes(16), b"20269999999999.0Z"], ids=repr)
def test_no_value_of_any_attribute_is_a_crash(standin: Standin, authority: Authority, name: str, raw: bytes) -> None:
    for login in ("user0005", "All Staff"):
        node = standin.replica.named(login)
        node.links.pop(name.lower(), None)
        if name == "objectClass":
            standin.replica.modify(
                node, objectClass=[raw, *(each for each in node.values["objectclass"] if isinstance(each, bytes))]
            )
        else:
            standin.replica.modify(node, **{name: raw})
    mirror = Mirror(lambda now: source(standin, ca_file=authority.ca_file, now=now))
    read = mirror.read()
    assert read.error is None
    assert mirror.records.keys() == present(standin.replica).keys()


@pytest.mark.parametrize("raw", [b"", b"short", bytes(17)], ids=repr)
def test_an_object_without_a_proper_id_is_counted_and_takes_the_proof_away_but_nobody_with_it(
    standin: Standin, authority: Authority, raw: bytes
) -> None:
    node = standin.replica.named("user0005")
    mirror = Mirror(lambda now: source(standin, ca_file=authority.ca_file, now=now))
    assert mirror.read().proven
    standin.replica.modify(node, objectGUID=raw)
    read = mirror.read(full=True)
    assert not read.gone
    assert read.error or read.doubts


# --- size -------------------------------------------------------------------------------------------------------------


def test_values_of_sixty_four_kilobytes_are_read(standin: Standin, look: Look) -> None:
    node = standin.replica.named("user0005")
    text = "王" * 21_845
    standin.replica.modify(node, info=text, description=text, extensionAttribute1="x" * 65_536)
    attributes = of(look(), node).attributes
    assert attributes["info"] == attributes["description"] == text
    assert attributes["extensionAttribute1"] == "x" * 65_536


def test_ten_thousand_values_are_read_in_ranges(standin: Standin, look: Look) -> None:
    replica = standin.replica
    crowd = replica.add(f"CN=Crowd,{GROUPS}", "group", sAMAccountName="Crowd")
    addresses = [f"smtp:{number:05}@example.com" for number in range(10_000)]
    node = replica.named("user0005")
    replica.modify(node, proxyAddresses=addresses)
    for number in range(2_000):
        other = replica.add(f"CN=Kontak {number:05},{GROUPS}", "contact")
        replica.join(crowd, other)
    found = look()
    assert of(found, node).attributes["proxyAddresses"] == tuple(addresses)
    assert len(of(found, crowd).attributes["member"]) == 2_000  # type: ignore[arg-type]


def test_somebody_in_three_thousand_groups_is_read(standin: Standin, look: Look) -> None:
    replica, node = standin.replica, standin.replica.named("user0005")
    above = f"OU=Lists,{COMPANY}"
    replica.add(above, "organizationalUnit")
    for number in range(1_700):
        replica.join(replica.add(f"CN=List {number:04},{above}", "group"), node)
    found = look(groups=True, page_size=1000)
    assert len(of(found, node).attributes["memberOf"]) == 1_701  # type: ignore[arg-type]


# --- shape ------------------------------------------------------------------------------------------------------------


def test_units_two_hundred_levels_deep_are_read_with_who_is_in_the_last_one(standin: Standin, look: Look) -> None:
    replica, above = standin.replica, COMPANY
    for number in range(200):
        above = f"OU=Level {number},{above}"
        replica.add(above, "organizationalUnit")
    node = replica.named(_login(replica, person(replica, 60, above=above)))
    found = look()
    at, depth = of(found, node), 0
    while parent := at.attributes.get("parent"):
        at, depth = found.records[str(parent)], depth + 1
    assert depth >= 200


def test_groups_and_managers_in_circles_are_values_like_any_other(standin: Standin, look: Look) -> None:
    replica = standin.replica
    one, two, three = (replica.add(f"CN=Ring {n},{GROUPS}", "group", sAMAccountName=f"Ring {n}") for n in range(3))
    replica.join(one, two, one)
    replica.join(two, three)
    replica.join(three, one)
    own, a, b = (replica.named(f"user000{n}") for n in (3, 4, 5))
    replica.modify(own, manager=replica.dn(own))
    replica.modify(a, manager=replica.dn(b))
    replica.modify(b, manager=replica.dn(a))
    found = look()
    assert len(of(found, one).attributes["member"]) == 2  # type: ignore[arg-type]
    for node, boss in ((own, own), (a, b), (b, a)):
        assert means(found, of(found, node), str(of(found, node).attributes["manager"])) == str(boss.guid)


def test_a_manager_who_is_somewhere_else_or_deleted_leaves_a_name_or_nothing(standin: Standin, look: Look) -> None:
    replica = standin.replica
    outside = f"CN=Outside,OU=Service Accounts,{COMPANY.partition(',')[2]}"
    replica.add(outside, "user", sAMAccountName="outside")
    replica.modify(replica.named("user0003"), manager=outside)
    replica.modify(replica.named("user0004"), manager=replica.dn(replica.named("user0005")))
    replica.delete(replica.named("user0005"))
    found = look()
    assert of(found, replica.named("user0003")).attributes["manager"] == outside
    assert "manager" not in of(found, replica.named("user0004")).attributes


def test_two_people_with_one_login_are_two_people(standin: Standin, look: Look) -> None:
    """As the accounts of two domains of one forest, or what replication makes of a conflict."""
    replica = standin.replica
    first = replica.named("user0005")
    second = replica.find(person(replica, 5, above=team(0)))
    conflict = replica.find(person(replica, 5, above=team(1)))
    assert second is not None
    assert conflict is not None
    _called(replica, conflict, f"Contoh 0005\nCNF:{uuid.UUID(int=7)}")
    found = look()
    people = [record for record in found.records.values() if record.attributes.get("sAMAccountName") == "user0005"]
    assert {str(record.native_id) for record in people} == {str(each.guid) for each in (first, second, conflict)}
    assert all(record.kind is Kind.PERSON for record in people)


def test_a_unit_and_a_person_of_one_name_and_a_person_who_holds_others_are_kept_apart(
    standin: Standin, look: Look
) -> None:
    replica = standin.replica
    holder = replica.named("user0005")
    below = replica.named(_login(replica, person(replica, 70, above=replica.dn(holder))))
    machine = replica.add(f"CN=PC-1,{COMPANY}", "computer", sAMAccountName="PC-1$", userAccountControl="4096")
    contact = replica.add(f"CN=Kontak,{COMPANY}", "contact", displayName="Kontak")
    found = look(people_filter="(|(objectClass=user)(objectClass=computer))")
    assert str(machine.guid) not in found.records
    assert str(contact.guid) not in found.records
    assert of(found, below).attributes["name"] == "Contoh 0070"
