"""Signing in: a UsernameToken inside the message, a signature of it, or an access token that is asked for and renewed. It never
shows a secret."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from syncd.core.errors import NeedsHuman, TryAgain, foreign
from syncd.core.ports import Room
from syncd.http import Client
from syncd_workday import messages
from syncd_workday.envelope import enveloped
from syncd_workday.sealing import Seal, private_key
from syncd_workday.settings import JwtSettings, RefreshSettings, WorkdaySettings

_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_RENEW_AT: Final = 0.8
_LIFETIME: Final = 600.0
"""Seconds that a token is used whose service does not say how long it lives."""
_ASSERTION_LIVES: Final = 240
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class SignIn:
    """How each call says who we are."""

    def __init__(self, settings: WorkdaySettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._url = f"{settings.base}/ccx/oauth2/{settings.tenant}/token"
        self._host = urlsplit(settings.base).hostname
        self._seal = Seal(settings.x509, room) if settings.x509 is not None else None
        self._header = ""
        self._ends_at = 0.0
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return "SignIn()"

    def forget(self) -> bool:
        """Forget a token that was refused; tell whether another one can be had."""
        self._header = ""
        return self._settings.password is None and self._seal is None

    async def signed(self, client: Client, body: str) -> tuple[bytes, dict[str, str]]:
        """Return the message and the headers of a call. Raises `NeedsHuman` or `TryAgain` where no token is to be had."""
        settings = self._settings
        if settings.password is not None:
            return enveloped(body, user=self._named(settings.user), password=settings.password.reveal()), {}
        if settings.x509 is not None and self._seal is not None:
            return self._seal.sealed(body, user=self._named(settings.x509.user)), {}
        return enveloped(body), await self.header(client)

    def _named(self, user: str) -> str:
        return user if "@" in user else f"{user}@{self._settings.tenant}"

    async def header(self, client: Client) -> dict[str, str]:
        """Return the header that signs a call without a message: HTTP Basic, or a token. Raises as `signed` does."""
        settings = self._settings
        if settings.password is not None:
            # A report wants the bare name: its address says the tenant.
            pair = f"{settings.user.partition('@')[0]}:{settings.password.reveal()}"
            return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        clock = asyncio.get_running_loop().time
        async with self._lock:
            if not self._header or clock() >= self._ends_at:
                token, seconds = await self._fetched(client)
                self._header, self._ends_at = f"Bearer {token}", clock() + _RENEW_AT * seconds
            return {"authorization": self._header}

    async def _fetched(self, client: Client) -> tuple[str, float]:
        form, headers = self._asked()
        answer = await client.send("POST", self._url, form=form, headers=headers)
        if answer.status in _BUSY:
            raise TryAgain(messages.BUSY.at(host=self._host, why=f"status {answer.status}"))
        said = _object(answer.content)
        token = said.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not token:
            why = foreign(str(said.get("error") or f"status {answer.status}"))
            raise NeedsHuman(messages.NO_TOKEN.at(host=self._host, why=why))
        lives = str(said.get("expires_in") or "")
        return token, float(lives) if lives.isdigit() else _LIFETIME

    def _asked(self) -> tuple[dict[str, str], dict[str, str]]:
        match self._settings:
            case WorkdaySettings(oauth=RefreshSettings() as oauth):
                pair = f"{quote(oauth.client_id, safe='')}:{quote(oauth.client_secret.reveal(), safe='')}"
                form = {"grant_type": "refresh_token", "refresh_token": oauth.refresh_token.reveal()}
                return form, {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
            case WorkdaySettings(jwt=JwtSettings() as jwt):
                return {"grant_type": _JWT_GRANT, "assertion": assertion(jwt, now=self._room.now())}, {}
        raise AssertionError("the settings name exactly one way")  # pragma: no cover


def assertion(jwt: JwtSettings, *, now: datetime) -> str:
    """Return a signed assertion (RFC 7523, RS256). Raises `NeedsHuman` for an unusable key.

    The claims are recalled, not confirmed by a document of Workday's: iss is the client, sub the user, aud `wd`.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    key = private_key(jwt.key.reveal())
    claims = {"iss": jwt.client_id, "sub": jwt.user, "aud": "wd", "exp": int(now.timestamp()) + _ASSERTION_LIVES}
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_base64(key.sign(signed.encode(), PKCS1v15(), hashes.SHA256()))}"


def _part(value: object) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
