"""HTTP callbacks, the alternative to Stream mode: from a request's query and body to what was touched, and the answer.

Pure: whoever listens (`POST /v1/dingtalk/{target}`) hands in what came, keeps what was touched, and only then sends the answer,
which is DingTalk's licence to forget the event. Without an answer within 2.5 s DingTalk sends it again after 10 s and 30 s.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from syncd.core.callbacks import NotTheirs, Received
from syncd.core.wakes import Touched
from syncd_dingtalk.callback_crypto import Cipher, Unreadable
from syncd_dingtalk.events import Event, instant_of, lowered, touched
from syncd_dingtalk.messages import CALLBACK_REFUSED
from syncd_dingtalk.mobiles import Region

WINDOW: Final = timedelta(hours=1)
"""How old or how far ahead a request may be. Not documented: it covers repetitions and a clock that is a little off."""
SUCCESS: Final = b"success"


class Refused(NotTheirs):
    """The request is not DingTalk's, or not fresh."""

    def __init__(self, why: str) -> None:
        super().__init__(CALLBACK_REFUSED.at(why=why))


class _Body(msgspec.Struct):
    encrypt: str = ""


_bodies: Final = msgspec.json.Decoder(_Body)
_messages: Final = msgspec.json.Decoder(dict[str, object])


class Callback:
    """One subscription's receiver."""

    def __init__(
        self,
        cipher: Cipher,
        *,
        region: Region,
        now: Callable[[], datetime],
        heard: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """`heard` is told each event that is DingTalk's."""
        self._heard = heard
        self._cipher = cipher
        self._region = region
        self._now = now

    def receive(self, query: Mapping[str, str], body: bytes) -> Received:
        """Return what a request says. Raises `Refused`; the content is looked at only after the signature fits."""
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        try:
            encrypted = _bodies.decode(body).encrypt
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refused("its body is not the documented JSON") from None
        # Both names of the signature occur, with one value (page).
        signatures = [query[name] for name in ("msg_signature", "signature") if query.get(name)]
        if not self._cipher.signed(signatures, timestamp=timestamp, nonce=nonce, encrypted=encrypted):
            raise Refused("its signature does not fit")
        sent_at = instant_of(timestamp)
        if sent_at is None or abs(self._now() - sent_at) > WINDOW:
            raise Refused("its time is more than an hour away from this machine's")
        try:
            message = _messages.decode(self._cipher.open(encrypted))
        except Unreadable as error:
            raise Refused(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refused("its message is not JSON") from None
        return Received(touched=self._touched(message), answer=self.answer())

    def _touched(self, message: Mapping[str, object]) -> tuple[Touched, ...]:
        data = lowered(message)
        born_at = instant_of(data.get("eventtime") or data.get("timestamp")) or self._now()
        # Registered callbacks have no id (recalled): what they say and when is as good as one.
        id_ = str(data.get("eventid") or data.get("bizid") or f"{data.get('eventtype')}@{born_at.isoformat()}")
        event = Event(type=str(data.get("eventtype", "")), id=id_, born_at=born_at, data=message)
        self._heard(event)
        return touched(event, region=self._region)

    def answer(self) -> bytes:
        """Return the answer that says "received": the word `success`, sealed and signed."""
        timestamp, nonce = str(int(self._now().timestamp() * 1000)), secrets.token_hex(8)
        encrypted = self._cipher.seal(SUCCESS)
        signature = self._cipher.sign(timestamp, nonce, encrypted)
        return msgspec.json.encode(
            {"msg_signature": signature, "timeStamp": timestamp, "nonce": nonce, "encrypt": encrypted}
        )
