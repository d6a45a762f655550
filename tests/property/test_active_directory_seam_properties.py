"""Whatever a server sends, in whatever pieces, the seam makes of it what ldap3's own decoder makes of it, or refuses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from ldap3.core.exceptions import LDAPException
from ldap3.strategy.sync import SyncStrategy

from support.ldap_answers import (
    ASKED,
    PAGED_LAST,
    Length,
    Received,
    answered,
    connection,
    control,
    controls,
    done,
    entry,
    intermediate,
    message,
    plain,
    reference,
)
from syncd.core.errors import TryAgain
from syncd_active_directory.decode import READERS, Decoder, texts
from syncd_active_directory.entry import RawEntry, fingerprint, names, parent_bytes
from syncd_active_directory.schema import Syntax
from syncd_active_directory.seam import Seam
from syncd_active_directory.usual import LEARNED_FROM

_BASES = ["cn", "mail", "objectClass", "objectGUID", "member", "displayName", "x", "msDS-User-Account-Control-Computed"]
_OPTIONS = ["", ";binary", ";range=0-1499", ";range=1500-*", ";lang-ja", ";lang-ja;phonetic"]
_NAMES = st.builds(str.__add__, st.sampled_from(_BASES), st.sampled_from(_OPTIONS)) | st.from_regex(
    r"[a-z][a-zA-Z0-9-]{0,140}", fullmatch=True
)
_SIZES = st.sampled_from([0, 1, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 200, 255, 256, 257, 70000])
_VALUES = st.binary(max_size=40) | st.text(max_size=20).map(str.encode) | st.builds(bytes, _SIZES)
_ATTRIBUTES = st.dictionaries(
    _NAMES, st.lists(_VALUES, max_size=4) | st.lists(_VALUES, min_size=1, max_size=1), max_size=8
)
_TEXT_DN = st.text(max_size=90).map(str.encode)
_DNS = _TEXT_DN | st.binary(max_size=12) | st.sampled_from([b"CN=Doe\\, Ani,OU=\xe4\xba\x8b,DC=x", b"", b"o" * 130])
_LENGTHS = st.sampled_from(Length)
_CONTROLS = st.lists(
    st.builds(
        control,
        st.sampled_from(["1.3.6.1.4.1.4203.1.9.1.2", "2.16.840.1.113730.3.4.7", "1.2.3"]),
        st.none() | st.binary(max_size=30),
        critical=st.none() | st.booleans(),
    ),
    max_size=2,
).map(lambda each: controls(*each))
_ENTRIES = st.builds(
    lambda dn, attributes, length, tail: message(entry(dn, attributes, length), controls=tail, length=length),
    _DNS,
    # Names that differ in case alone are one attribute; no server sends both.
    _ATTRIBUTES.filter(lambda found: len({name.lower() for name in found}) == len(found)),
    _LENGTHS,
    st.just(b"") | _CONTROLS,
)
_OTHERS = st.sampled_from(
    [
        message(reference(b"ldap://asia.corp.example.com/DC=asia,DC=corp,DC=example,DC=com")),
        message(reference(b"ldap://a.example.com/", b"ldap://b.example.com/"), length=Length.FOUR),
        message(intermediate(b"1.3.6.1.4.1.4203.1.9.1.4", b"\xa3\x04\x01\x01\xff\x00")),
    ]
)
_ENDS = st.sampled_from(
    [
        message(done(), controls=PAGED_LAST),
        message(done(4, text="größer".encode()), length=Length.ALWAYS_FOUR),
        message(done(10, referrals=[b"ldap://other.example.com/"]), length=Length.FOUR),
    ]
)
_STREAMS = st.builds(
    lambda parts, end: b"".join([*parts, end]),
    st.lists(_ENTRIES | _ENTRIES | _ENTRIES | _OTHERS, max_size=6),
    _ENDS,
)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[first:last] for first, last in pairwise(places)]


def refused(look: Callable[[], object]) -> str | None:
    """Return the code of what `look` is refused with."""
    try:
        look()
    except TryAgain as refusal:
        return refusal.problem.code
    return None


@settings(max_examples=200, deadline=None)
@given(_STREAMS, st.lists(st.integers(0, 1 << 20), max_size=8))
def test_the_same_bytes_give_the_same_responses_however_they_are_cut(stream: bytes, cuts: list[int]) -> None:
    assert answered(Seam, pieces(stream, cuts)) == answered(SyncStrategy, [stream])


@settings(max_examples=40, deadline=None)
@given(_STREAMS.filter(lambda stream: len(stream) < 3000))
def test_every_byte_may_come_by_itself(stream: bytes) -> None:
    assert answered(Seam, [stream[at : at + 1] for at in range(len(stream))]) == answered(SyncStrategy, [stream])


@settings(max_examples=100, deadline=None)
@given(_STREAMS, st.integers(0, 1 << 20), st.booleans())
def test_an_answer_that_ends_early_is_never_taken_for_the_whole(stream: bytes, cut: int, silent: bool) -> None:
    kept = stream[: cut % len(stream)]
    outcome = answered(Seam, [kept], silent=silent)
    assert outcome == answered(SyncStrategy, [kept], silent=silent)
    expected = "LDAPSocketReceiveError" if silent else "LDAPSessionTerminatedByServerError"
    assert outcome[0].endswith(expected)


@settings(max_examples=250, deadline=None)
@given(
    _STREAMS,
    st.lists(
        st.tuples(st.integers(0, 1 << 20), st.integers(0, 255) | st.sampled_from([0x80, 0x84, 0xFF, 0x30, 0x64])),
        max_size=4,
    ),
    st.lists(st.integers(0, 1 << 20), max_size=3),
)
def test_garbage_is_refused_or_read_but_never_followed(
    stream: bytes, flips: list[tuple[int, int]], cuts: list[int]
) -> None:
    broken = bytearray(stream)
    for at, value in flips:
        broken[at % len(broken)] = value
    try:
        responses, _ = connection(Seam, Received(pieces(bytes(broken), cuts))).strategy.get_response(ASKED)
    except LDAPException:
        return
    for response in responses:
        assert refused(partial(plain, response)) in (None, "ADS-301")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_an_entry_of_any_bytes_is_read_or_refused(noise: bytes) -> None:
    for raw in (noise, b"\x64" + noise, b"\x64" + bytes((len(noise),)) + noise):
        received = RawEntry.received(raw)
        for part in ("dn", "attributes", "parent_bytes"):
            assert refused(partial(getattr, received, part)) in (None, "ADS-301")


@settings(max_examples=200, deadline=None)
@given(_TEXT_DN, _ATTRIBUTES)
def test_an_entry_that_is_made_is_the_one_that_openldap_would_send(
    dn: bytes, attributes: Mapping[str, list[bytes]]
) -> None:
    made = RawEntry(dn=dn.decode(), attributes=attributes)
    assert made.raw == entry(dn, attributes)
    assert made == RawEntry.received(made.raw)
    assert {name: list(values) for name, values in made.read().items()} == dict(attributes)


_PARTS = st.text(st.sampled_from("aö \\,=+"), max_size=6)


@given(st.lists(_PARTS, min_size=1, max_size=5))
def test_the_name_above_is_what_follows_the_first_part_whatever_is_escaped(parts: list[str]) -> None:
    escaped = ["x=" + part.replace("\\", "\\\\").replace(",", "\\,") for part in parts]
    assert parent_bytes(",".join(escaped).encode()) == ",".join(escaped[1:]).encode()


@given(st.lists(st.tuples(_TEXT_DN, _ATTRIBUTES, st.text(max_size=3)), min_size=2, max_size=2), st.binary(max_size=64))
def test_a_fingerprint_tells_entries_units_and_salts_apart(
    pair: list[tuple[bytes, Mapping[str, list[bytes]], str]], salt: bytes
) -> None:
    (first, above), (second, below) = (
        (RawEntry(dn=dn.decode(), attributes=attributes), unit) for dn, attributes, unit in pair
    )
    same = (first.raw, above) == (second.raw, below)
    assert (fingerprint(first, above, salt) == fingerprint(second, below, salt)) == same
    assert fingerprint(first, above, salt) == fingerprint(RawEntry.received(first.raw), above, salt)
    assert fingerprint(first, above, salt) != fingerprint(first, above, salt + b"!"[: 64 - len(salt)] or b"other")


_SYNTAXES = dict(zip(_BASES, [*Syntax, *Syntax], strict=False))
_DECODER = Decoder(_SYNTAXES)
"""One for all examples: what it remembers of one entry must not show in another."""


def read_plainly(found: RawEntry) -> tuple[dict[str, object], set[str]]:
    """Return values and unreadable attributes, by the plain way: names and values first, then what each value means."""
    asked = {name.lower(): name for name in _SYNTAXES}
    values: dict[str, object] = {}
    unreadable: set[str] = set()
    for raw_name, raw_values in found.read().items():
        name = asked.get(raw_name.lower())
        if name is None or not raw_values:
            continue
        try:
            value = texts(raw_values) if _SYNTAXES[name] is Syntax.TEXTS else READERS[_SYNTAXES[name]](raw_values[0])
        except (ValueError, OverflowError):
            unreadable.add(name)
            continue
        if value is not None:
            values[name] = value
    return values, unreadable


@settings(max_examples=200, deadline=None)
@given(
    _DNS,
    st.dictionaries(st.sampled_from(_BASES), st.lists(_VALUES, max_size=3) | st.lists(_VALUES, min_size=1, max_size=1)),
    _LENGTHS,
    st.none() | st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)),
)
def test_what_is_decoded_in_one_go_is_what_is_decoded_step_by_step(
    dn: bytes, attributes: dict[str, list[bytes]], length: Length, wrong: tuple[int, int] | None
) -> None:
    raw = bytearray(entry(dn, attributes, length))
    if wrong is not None:
        raw[wrong[0] % len(raw)] = wrong[1]
    found = RawEntry.received(bytes(raw))
    for _ in range(2):  # the second time by what was remembered
        refusal = refused(lambda: read_plainly(found))
        assert refused(lambda: _DECODER(found)) == refusal
        if refusal is None:
            decoded = _DECODER(found)
            assert (decoded.attributes, {name for name, _ in decoded.unreadable}) == read_plainly(found)
    assert refused(lambda: names([found])) == refused(lambda: found.dn_bytes)
    if refused(lambda: found.dn_bytes) is None:
        assert names([found]) == [found.dn_bytes]


_ORDER = _BASES[:5]
_USUAL = b"0123456789"


def learned(length: Length) -> Decoder:
    """Return a decoder that has learned what is usual: attributes of some order, most of them with one plain value."""
    decoder = Decoder(_SYNTAXES)
    for number in range(LEARNED_FROM + 2):
        attributes = {name: [_USUAL[: 1 + number % 9]] for name in _ORDER} | {_ORDER[-1]: [b"a", b"b"]}
        decoder(RawEntry.received(entry(b"uid=x", attributes, length)))
    return decoder


_LEARNED = {length: learned(length) for length in Length}


@settings(max_examples=200, deadline=None)
@given(
    _LENGTHS,
    st.permutations(_ORDER).map(lambda order: order[:3]) | st.just(_ORDER),
    st.lists(st.lists(st.just(_USUAL) | _VALUES, max_size=2) | st.just([_USUAL]), min_size=5),
    _LENGTHS,
    st.none() | st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)),
)
def test_whoever_is_not_as_usual_is_read_as_by_somebody_who_has_learned_nothing(
    before: Length,
    order: list[str],
    values: list[list[bytes]],
    length: Length,
    wrong: tuple[int, int] | None,
) -> None:
    raw = bytearray(entry(b"uid=x", dict(zip(order, values, strict=False)), length))
    if wrong is not None:
        raw[wrong[0] % len(raw)] = wrong[1]
    found, decoder = RawEntry.received(bytes(raw)), _LEARNED[before]
    refusal = refused(lambda: read_plainly(found))
    assert refused(lambda: decoder(found)) == refusal
    if refusal is None:
        decoded = decoder(found)
        assert (decoded.attributes, {name for name, _ in decoded.unreadable}) == read_plainly(found)
