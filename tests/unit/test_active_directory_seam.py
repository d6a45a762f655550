"""The decoding seam on the answers of real servers, on messages of every kind, and on what no server should send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ldap3 import DIGEST_MD5
from ldap3.core.usage import ConnectionUsage
from ldap3.protocol.sasl.digestMd5 import md5_hmac
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
    element,
    entry,
    intermediate,
    message,
    notice,
    plain,
    recorded,
    reference,
    strictly,
)
from syncd.core.errors import TryAgain
from syncd_active_directory import entry as entries_of
from syncd_active_directory.entry import RawEntry, fingerprint
from syncd_active_directory.seam import Seam
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.trust import trust
from syncd_active_directory.wire import Wire

ANI = entry(b"CN=Ani,DC=x", {"cn": [b"Ani"], "objectClass": [b"top", b"person"]})
RECORDED = recorded()
DECODERS = ("fast", "ldap3")


# --- the same as ldap3 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_a_real_servers_answer_is_what_ldap3_makes_of_it(name: str, size: int) -> None:
    number, stream = RECORDED[name]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert answered(Seam, pieces, number=number) == answered(SyncStrategy, [stream], number=number)


@pytest.mark.parametrize("number", [1, 127, 128, 255, 256, 32767, 32768, (1 << 31) - 1])
def test_messages_may_have_any_number(number: int) -> None:
    stream = message(ANI, number=number) + message(done(), number=number)
    assert answered(Seam, [stream], number=number) == answered(SyncStrategy, [stream], number=number)


@pytest.mark.parametrize(
    "stream",
    [
        message(ANI) + notice(),
        notice(),
        message(done()) + notice(),
        message(ANI) + notice(b"2.16.840.1.113719.1.27.103.4"),
        notice(b"1.2.3.4"),
        message(ANI, number=ASKED + 1) + message(done()),
        message(done(tag=0x78), number=ASKED + 1),
        message(done(), number=ASKED - 1),
        message(ANI),
        message(ANI) + message(done())[:-3],
        message(done()) + notice()[:-3],
        b"",
    ],
    ids=[
        *("notice", "notice first", "notice behind the result", "novell's", "unknown notice", "another search's entry"),
        *("another request's answer", "another search's result", "no result", "half a result", "half a notice", "none"),
    ],
)
def test_what_ends_a_search_otherwise_raises_what_ldap3_raises(stream: bytes) -> None:
    assert answered(Seam, [stream]) == answered(SyncStrategy, [stream])


def test_a_notice_that_comes_in_two_pieces_behind_the_result_is_still_heard() -> None:
    pieces = [message(done()) + notice()[:-3], notice()[-3:]]
    assert answered(Seam, pieces) == answered(SyncStrategy, pieces)
    assert answered(Seam, pieces)[0] == "LDAPSessionTerminatedByServerError"


def test_silence_raises_what_ldap3_raises_and_closes_the_connection() -> None:
    answers = Received([message(ANI)], silent=True)
    waiting = connection(Seam, answers)
    with pytest.raises(Exception, match="error receiving data: timed out"):
        waiting.strategy.get_response(ASKED)
    assert answers.closed
    assert waiting.closed
    assert answered(Seam, [message(ANI)], silent=True) == answered(SyncStrategy, [message(ANI)], silent=True)


def test_entries_come_in_the_order_in_which_they_were_sent_among_all_else() -> None:
    state = controls(control("1.3.6.1.4.1.4203.1.9.1.2", b"\x30\x00"))
    stream = b"".join(
        [
            message(ANI),
            message(reference(b"ldap://asia.example.com/")),
            message(ANI, controls=state),
            message(intermediate(b"1.3.6.1.4.1.4203.1.9.1.4", b"\x80\x00")),
            message(ANI, length=Length.FOUR),
            message(done(), controls=PAGED_LAST),
        ]
    )
    waiting = connection(Seam, Received([stream]))
    responses, result = waiting.strategy.get_response(ASKED)
    assert [type(each) is RawEntry for each in responses] == [True, False, True, False, True]
    assert responses[2].controls == {"1.3.6.1.4.1.4203.1.9.1.2": b"\x30\x00"}
    assert responses[0] == responses[4] != responses[2]
    assert result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"] == b""


def test_signed_messages_are_left_to_ldap3() -> None:
    plain_text = message(ANI) + message(done())
    kis = b"0123456789abcdef"
    sequence = (0).to_bytes(4, "big")
    seal = bytes.fromhex(md5_hmac(kis, sequence + plain_text)[:20]) + b"\x00\x01" + sequence
    waiting = connection(Seam, Received([len(plain_text + seal).to_bytes(4, "big") + plain_text + seal]))
    waiting.sasl_mechanism, waiting._digest_md5_kis, waiting.sasl_in_progress = DIGEST_MD5, kis, False
    responses, _ = waiting.strategy.get_response(ASKED)
    assert [plain(each) for each in responses] == [("CN=Ani,DC=x", *plain(RawEntry.received(ANI))[1:])]


def test_whoever_counts_messages_gets_them_counted() -> None:
    waiting = connection(Seam, Received([message(ANI) + message(done())]))
    waiting._usage = ConnectionUsage()
    waiting.strategy.get_response(ASKED)
    assert waiting.usage.messages_received == 2


# --- garbage ----------------------------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = element(0x30, content)
    return content


GARBAGE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a length without end": b"\x30\x80" + ANI + b"\x00\x00",
    "a reserved length": b"\x30\xff" + bytes(200),
    "a length beyond all reason": b"\x30\x84\xff\xff\xff\xff\x02\x01\x02",
    "a length of a hundred bytes": b"\x30\xe4" + b"\x01" * 100,
    "nothing in it": b"\x30\x00\x30\x00\x30\x00",
    "no operation": element(0x30, element(2, b"\x02")),
    "no number": element(0x30, element(2, b"") + done()),
    "a number that is text": element(0x30, element(4, b"\x02") + done()),
    "an entry longer than its message": element(0x30, element(2, b"\x02") + b"\x64\x7f" + ANI[2:]),
    "an operation without end": element(0x30, element(2, b"\x02") + b"\x65\x80\x00\x00"),
    "an unknown operation": message(element(0x7E, b"")),
    "a result without a code": message(element(0x65, b"")),
    "a result with an unknown code": message(done(0x7F)),
    "a result code that is text": message(element(0x65, element(4, b"x") * 3)),
    "a length in the result that is too long": message(element(0x65, b"\x0a\x01\x00\x04\x7f")),
    "a text in the result that is longer than the result": message(element(0x65, b"\x0a\x01\x00\x04\x00\x04\x7f")),
    "a control without anything": message(done(), controls=controls(element(0x30, b""))),
    "a page control that is none": message(done(), controls=controls(control("1.2.840.113556.1.4.319", b"\x04"))),
    "too deep": message(element(0x65, nested(2000))),
    "deeper than ldap knows": message(element(0x65, nested(20))),
    "a type of two bytes": message(element(0x65, b"\x1f\x00")),
    "an entry in what is no message": element(0x31, message(ANI)[2:]),
    "an entry after the result": message(done()) + message(ANI),
    "a second result": message(done()) * 2,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused_at_once_in_words_of_ldap3(garbage: bytes) -> None:
    # More would come if anybody waited for it: the time-out would then be what is raised.
    kind, text = answered(Seam, [message(ANI) + garbage], silent=True)
    assert kind in ("LDAPSocketReceiveError", "LDAPUnknownResponseError", "LDAPControlError")
    assert "timed out" not in text


def read_or_refused(raw: bytes) -> dict[str, Sequence[bytes]] | None:
    try:
        return dict(RawEntry.received(raw).read())
    except TryAgain as refusal:
        return None if refusal.problem.code == "ADS-301" else {}


@pytest.mark.parametrize("size", [1, 60, 115, 300])
def test_an_entry_is_refused_for_every_byte_that_is_not_where_it_should_be(size: int) -> None:
    good = entry(b"CN=Ani", {"cn": [b"x" * size], "sn": [b"y", b"z"], "mail": []})
    assert read_or_refused(good) == strictly(good) is not None
    for broken in (
        *(
            good[:at] + bytes((wrong % 256,)) + good[at + 1 :]
            for at, byte in enumerate(good)
            for wrong in {0, 1, 2, 4, 0x30, 0x31, 0x64, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF, byte - 1, byte + 1}
        ),
        *(good[:cut] for cut in range(len(good))),
        good + b"\x00",
        good + good,
    ):
        assert read_or_refused(broken) == strictly(broken)


@pytest.mark.parametrize(
    "attribute",
    [
        # 84 04 02 63 6e: a length of 67 million; or, to who forgets what 84 means, a length of 132 and the name “cn”.
        b"\x30\x84\x04\x02cn\x31" + bytes((126, 4, 124)) + b"x" * 124,
        # All lengths agree with each other, and are longer than the list.
        element(0x30, element(4, b"cn") + element(0x31, element(4, b"Ani")))[:-1],
        element(0x30, element(4, b"cn") + element(0x31, element(4, b"Ani")))[:-3],
    ],
    ids=["a long length that looks short", "one byte short", "nothing of the value"],
)
def test_an_attribute_that_only_looks_right_is_refused(attribute: bytes) -> None:
    RawEntry.received(entry(b"", {"cn": [b"x"]})).read()
    assert read_or_refused(element(0x64, element(4, b"") + element(0x30, attribute))) is None


# --- entries ----------------------------------------------------------------------------------------------------------


def test_an_entry_that_is_only_recognised_is_not_decoded() -> None:
    broken = RawEntry.received(element(0x64, element(4, b"CN=Ani,OU=Sales,DC=x") + element(0x30, b"garbage")))
    assert len(fingerprint(broken, "unit", b"salt")) == 16
    assert (broken.dn, broken.parent_bytes) == ("CN=Ani,OU=Sales,DC=x", b"OU=Sales,DC=x")
    with pytest.raises(TryAgain, match="ADS-301"):
        broken.read()


def test_what_was_decoded_is_kept_where_it_is_asked_for_so() -> None:
    ani = RawEntry.received(ANI)
    assert ani.attributes is ani.attributes
    assert ani.read() is not ani.read()
    assert ani.attributes == ani.read() == {"cn": (b"Ani",), "objectClass": (b"top", b"person")}


def test_people_of_the_same_classes_share_them() -> None:
    first, second = (RawEntry.received(entry(name, {"objectClass": [b"top", b"user"]})) for name in (b"CN=a", b"CN=b"))
    assert first.read()["objectClass"] is second.read()["objectClass"]


def test_what_is_remembered_of_entries_is_bounded() -> None:
    for number in range(9000):
        RawEntry.received(entry(b"", {f"a{number}": [b"1", b"%d" % number]})).read()
        RawEntry.received(entry(b"", {f"member;range={number}-*": [b"1"]})).read()
    assert len(entries_of._NAMES) <= 4096
    assert len(entries_of._SETS) <= 512
    assert not [name for name in entries_of._NAMES.values() if ";" in name]


def test_neither_names_nor_values_are_shown_by_accident() -> None:
    assert repr(RawEntry.received(ANI)) == f"<RawEntry of {len(ANI)} bytes>"


@pytest.mark.parametrize(
    "raw", [b"", b"\x64", element(0x64, b""), element(0x64, element(5, b"CN=Ani")), b"\x64\x04\x04\x7f"]
)
def test_an_entry_without_a_name_is_refused(raw: bytes) -> None:
    for part in ("dn", "dn_bytes", "parent_bytes"):
        with pytest.raises(TryAgain, match="ADS-301"):
            getattr(RawEntry.received(raw), part)


def test_an_entry_has_no_other_parts() -> None:
    assert not hasattr(RawEntry.received(ANI), "password")


@pytest.mark.parametrize(
    ("dn", "above"),
    [
        (rb"CN=Ani,OU=Sales,DC=x", rb"OU=Sales,DC=x"),
        (rb"CN=Doe\, Ani,OU=Sales", rb"OU=Sales"),
        (rb"CN=Doe\2C Ani,OU=Sales", rb"OU=Sales"),
        (rb"CN=back\\,OU=Sales", rb"OU=Sales"),
        (rb"CN=back\\\, slash,OU=Sales", rb"OU=Sales"),
        ("CN=Größe 员,OU=事业部".encode(), "OU=事业部".encode()),
        (rb"<GUID=00000000-0000-0000-0000-000000000001>;<SID=S-1-5-7>;CN=Ani,OU=Sales", rb"OU=Sales"),
        (rb"DC=x", b""),
        (b"", b""),
        (rb"CN=a\,", b""),
    ],
)
def test_the_name_above_is_found_in_the_bytes(dn: bytes, above: bytes) -> None:
    assert RawEntry.received(entry(dn, {})).parent_bytes == above


# --- through the wire -------------------------------------------------------------------------------------------------

Script = Callable[[int], Sequence[bytes]]
"""From the number of a request to the pieces of its answer."""


@contextmanager
def server(*script: Script) -> Iterator[str]:
    """A server that answers the first request by the first script, and so on; then it hangs up."""

    def serve() -> None:
        with suppress(OSError), listener, listener.accept()[0] as client:
            for step in script:
                if not (request := client.recv(65536)):
                    return
                # The number stands after the message's tag and length.
                at = 2 if request[1] < 128 else 2 + (request[1] & 127)
                for piece in step(int.from_bytes(request[at + 2 : at + 2 + request[at + 1]], "big")):
                    client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass

    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"ldap://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(10)


def bound(number: int) -> list[bytes]:
    return [message(done(tag=0x61), number=number)]


def wire(address: str, folder: Path, **changed: Any) -> Wire:
    (folder / "password").write_text("Example-1!", encoding="ascii")
    values = {
        "servers": address,
        "user": "svc",
        "password": {"file": str(folder / "password")},
        "base": "DC=x",
        "plain_text_password_allowed": True,
        "receive_seconds": 5,
        **changed,
    }
    return Wire(address, DirectorySettings.model_validate(values), trust(None))


def read(address: str, folder: Path, **changed: Any) -> list[RawEntry]:
    reader = wire(address, folder, **changed)
    reader.connect()
    try:
        reader.bind()
        pages = reader.pages(base="DC=x", filter_="(cn=*)", wanted=["cn"], doing="reading people")
        return [each for page in pages for each in page.entries]
    finally:
        reader.close()


@pytest.mark.parametrize("decoding", DECODERS)
@pytest.mark.parametrize("size", [3, 1 << 20])
def test_the_wire_reads_the_same_by_either_decoder(tmp_path: Path, decoding: str, size: int) -> None:
    people = [entry(f"CN={number},OU=事业部".encode(), {"cn": [b"x"], "sn": [b"a", b""]}) for number in range(50)]

    def answer(number: int) -> list[bytes]:
        end = message(done(), number=number, controls=PAGED_LAST)
        stream = b"".join(message(each, number=number) for each in people) + end
        return [stream[at : at + size] for at in range(0, len(stream), size)]

    with server(bound, answer) as address:
        found = read(address, tmp_path, decoding=decoding)
    assert [each.raw for each in found] == people
    assert [fingerprint(each, "", b"") for each in found] == [
        fingerprint(RawEntry.received(each), "", b"") for each in people
    ]


@pytest.mark.parametrize(
    ("name", "decoding"),
    [
        # Of another protocol ldap3 would wait for the rest, until the time is up.
        ("another protocol", "fast"),
        *((name, each) for name in ("a result without a code", "nothing in it", "too deep") for each in DECODERS),
    ],
)
def test_a_server_that_talks_nonsense_is_tried_again_later(tmp_path: Path, name: str, decoding: str) -> None:
    nonsense = GARBAGE[name]
    with (
        server(bound, lambda number: [message(ANI, number=number), nonsense]) as address,
        pytest.raises(TryAgain, match="ADS-030"),
    ):
        read(address, tmp_path, decoding=decoding)


def test_a_server_that_says_nothing_is_not_waited_for_longer_than_told(tmp_path: Path) -> None:
    with (
        server(bound, lambda number: [message(ANI, number=number)], lambda _: []) as address,
        pytest.raises(TryAgain, match=r"timed out|temporarily unavailable"),
    ):
        read(address, tmp_path, receive_seconds=1)


def test_what_was_sent_before_encryption_began_is_never_taken_for_an_answer_after_it(tmp_path: Path) -> None:
    # Whoever sits in between could otherwise put his own answers before the server's (as in CVE-2011-0411).
    def injected(number: int) -> list[bytes]:
        return [message(done(tag=0x78), number=number) + message(done(tag=0x61), number=number + 1)]

    with server(injected) as address, pytest.raises(TryAgain, match="invalid messageId"):
        read(address, tmp_path, start_tls=True)
