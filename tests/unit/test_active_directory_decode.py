"""What the bytes of Active Directory mean, by bytes as domain controllers send them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import Kind
from syncd.core.values import moment
from syncd_active_directory import decode as d
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.schema import ASKED, COMPUTED, Syntax, declared, with_extra


def one(syntax: Syntax, *raw: bytes) -> object:
    return d.decode(RawEntry(dn="CN=X", attributes={"Attribute": raw}), {"attribute": syntax}).attributes.get(
        "attribute"
    )


@pytest.mark.parametrize(
    ("syntax", "raw", "value"),
    [
        (Syntax.TEXT, "王小明".encode(), "王小明"),
        (Syntax.TEXT, b"000123", "000123"),
        (Syntax.TEXT, b"", None),
        (Syntax.NUMBER, b"66048", 66048),
        (Syntax.NUMBER, b"-2147483646", -2147483646),
        (Syntax.FLAG, b"TRUE", True),
        (Syntax.FLAG, b"FALSE", False),
        (Syntax.GUID, bytes.fromhex("015998d0dfb165479760b2340b5af032"), "d0985901-b1df-4765-9760-b2340b5af032"),
        (Syntax.SID, bytes.fromhex("01020000000000052000000020020000"), "S-1-5-32-544"),
        (Syntax.SID, bytes.fromhex("010100000000000512000000"), "S-1-5-18"),
        (Syntax.TIME, b"20261122013000.0Z", "2026-11-22T01:30:00Z"),
        (Syntax.TIME, b"16010101000000.0Z", None),
        (Syntax.FILETIME, b"132223104000000000", "2020-01-01T00:00:00Z"),
        (Syntax.FILETIME, b"0", None),
        (Syntax.FILETIME, b"9223372036854775807", None),
        (Syntax.FILETIME, b"-1", None),
        (Syntax.FILETIME, b"9000000000000000000", None),
    ],
)
def test_a_value_is_decoded_by_its_syntax(syntax: Syntax, raw: bytes, value: object) -> None:
    assert one(syntax, raw) == value


def test_several_values_come_sorted_because_the_directory_gives_them_in_any_order() -> None:
    assert one(Syntax.TEXTS, b"b", b"a") == one(Syntax.TEXTS, b"a", b"b") == ("a", "b")


@pytest.mark.parametrize(
    ("syntax", "raw"),
    [
        (Syntax.TEXT, b"Ren\xe9e"),
        (Syntax.TEXTS, b"\xff"),
        (Syntax.NUMBER, b"many"),
        (Syntax.FLAG, b"yes"),
        (Syntax.GUID, b"short"),
        (Syntax.SID, bytes.fromhex("0102000000000005")),
        (Syntax.TIME, b"20261122013000+0700"),
        (Syntax.FILETIME, b"tomorrow"),
    ],
)
def test_a_value_that_cannot_be_read_is_left_out_and_named_and_its_neighbours_are_read(
    syntax: Syntax, raw: bytes
) -> None:
    entry = RawEntry(dn="CN=X", attributes={"bad": [raw], "good": [b"kept"]})
    found = d.decode(entry, {"bad": syntax, "good": Syntax.TEXT})
    assert found.attributes == {"good": "kept"}
    assert [name for name, expected in found.unreadable if expected] == ["bad"]


def test_names_are_matched_in_any_case_and_delivered_as_they_are_declared() -> None:
    entry = RawEntry(dn="CN=X", attributes={"SAMACCOUNTNAME": [b"ani"], "unknown": [b"x"], "mail": []})
    assert d.decode(entry, ASKED[Kind.PERSON]).attributes == {"sAMAccountName": "ani"}


@given(st.uuids())
def test_any_guid_is_what_the_standard_library_says(value: uuid.UUID) -> None:
    assert d.guid(value.bytes_le) == str(value)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=15))
def test_any_sid_has_its_parts(parts: list[int]) -> None:
    raw = bytes([1, len(parts)]) + (5).to_bytes(6, "big") + b"".join(part.to_bytes(4, "little") for part in parts)
    assert d.sid(raw) == "S-1-5-" + "-".join(map(str, parts))


@given(st.datetimes(min_value=datetime(1602, 1, 1), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001
def test_any_filetime_is_the_moment_it_counts(naive: datetime) -> None:
    value = naive.replace(tzinfo=UTC)
    since = value - datetime(1601, 1, 1, tzinfo=UTC)
    ticks = (since.days * 86400 + since.seconds) * 10_000_000 + since.microseconds * 10
    found = d.filetime(str(ticks).encode())
    assert found is not None
    assert moment(found) == value


@given(st.binary(max_size=64), st.sampled_from(Syntax))
def test_no_bytes_make_the_decoder_fail(raw: bytes, syntax: Syntax) -> None:
    decoded = d.decode(RawEntry(dn="CN=X", attributes={"a": [raw]}), {"a": syntax})
    # Read, said to be unreadable, or of no meaning: never two of them.
    assert not ({*decoded.attributes} & {name for name, _ in decoded.unreadable})
    assert {*decoded.attributes, *(name for name, _ in decoded.unreadable)} <= {"a"}


@pytest.mark.parametrize(
    ("dn", "parent"),
    [
        ("CN=Ani,OU=A,DC=x", "OU=A,DC=x"),
        ("CN=Ani\\, B,OU=A,DC=x", "OU=A,DC=x"),
        ("CN=Ani\\\\,OU=A,DC=x", "OU=A,DC=x"),
        ("CN=Ani\\2C B,OU=A\\,B,DC=x", "OU=A\\,B,DC=x"),
        ("DC=x", ""),
    ],
)
def test_the_name_above_begins_behind_the_first_comma_that_separates(dn: str, parent: str) -> None:
    assert d.parent_name(dn) == parent


def test_below_is_below_or_the_same_and_not_merely_a_similar_end() -> None:
    assert d.is_below("OU=A,DC=x", "ou=a,dc=X")
    assert d.is_below("CN=1,OU=A,DC=x", "ou=a,dc=X")
    assert not d.is_below("CN=1,OU=AA,DC=x", "A,DC=x")


def test_what_rules_may_name_is_what_is_asked_for_and_what_is_computed() -> None:
    for kind, names in declared().items():
        assert set(names) == set(ASKED[kind]) | set(COMPUTED[kind])
    assert declared()[Kind.PERSON]["enabled"] == "flag"
    assert declared()[Kind.PERSON]["accountExpires"] == "instant"


def test_times_that_an_administrator_asks_for_are_read_by_the_way_the_attribute_counts() -> None:
    asked = with_extra({}, {"lockoutTime": "instant", "msExchWhenMailboxCreated": "instant", "otherPager": "texts"})
    assert list(asked.values()) == [Syntax.FILETIME, Syntax.TIME, Syntax.TEXTS]
