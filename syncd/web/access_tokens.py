"""Access tokens that somebody else has issued (OAuth 2.0, JWTs as in RFC 9068): whose they are, and which source they open.

Signatures and claims are the library's work (joserfc); here is where keys come from, how often, and what else a token must say. A
token opens one source or none. Tokens are never logged, never sent anywhere, and nothing in one decides what we fetch.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from syncd import telemetry
from syncd.core.errors import SyncdError

if TYPE_CHECKING:
    from joserfc.jwk import Key

    from syncd.config.web import IssuerSettings

log = telemetry.get(__name__)

LONGEST: Final = 8 * 1024
"""Characters of a token."""
MOST_KEYS: Final = 100
KEEP_SECONDS: Final = 3600.0
"""Keys are looked at again so often: one that was taken back is gone then."""
AGAIN_SECONDS: Final = 60.0
"""Between two looks, whatever tokens say: a key that nobody knows must not make us ask without end."""
LAST_SECONDS: Final = 24 * 3600.0
"""Keys that cannot be looked at any more are believed for so long."""
_SIGNING: Final = frozenset({"RSA", "EC", "OKP"})
"""Kinds of keys with a public part. A secret that is shared (`oct`) is none, so that no public key can be taken for one."""

Fetch = Callable[[str], Awaitable[bytes]]


async def fetched(where: str) -> bytes:
    """Return what stands at an address or in a file. Raises SyncdError or OSError, of an address also where it answers a
    refusal."""
    if "://" not in where:
        return await asyncio.to_thread(Path(where).read_bytes)
    from syncd.http import HttpSettings, open_client

    async with open_client(HttpSettings(timeout=10)) as client:
        answer = await client.send("GET", where)
        if answer.status != 200:
            raise OSError(f"it answers with status {answer.status}")
        return answer.content


class Keys:
    """The keys of one issuer."""

    def __init__(self, where: str, *, clock: Callable[[], float], fetch: Fetch = fetched) -> None:
        self._where = where
        self._clock = clock
        self._fetch = fetch
        self._keys: Mapping[str, Key] = {}
        self._looked_at = self._learned_at = -math.inf
        self._looking = asyncio.Lock()

    async def named(self, kid: str) -> Key | None:
        """Return the key of this name; without a name, the only one there is."""
        if self._due(kid):
            async with self._looking:  # whoever comes meanwhile waits for the same look
                if self._due(kid):
                    await self._look()
        return self._known(kid)

    def _due(self, kid: str) -> bool:
        now = self._clock()
        old = now - self._learned_at > KEEP_SECONDS
        return (old or self._known(kid) is None) and now - self._looked_at > AGAIN_SECONDS

    def _known(self, kid: str) -> Key | None:
        if self._clock() - self._learned_at > LAST_SECONDS:
            return None
        return self._keys.get(kid) if kid or len(self._keys) != 1 else next(iter(self._keys.values()))

    async def _look(self) -> None:
        try:
            found = signing_keys(await self._fetch(self._where))
        except (SyncdError, OSError) as error:
            found = {}
            log.warning("scim.no_keys", why=type(error).__name__)
        self._looked_at = self._clock()
        if found:
            self._keys, self._learned_at = found, self._looked_at
        else:
            log.warning("scim.no_keys", why="there is none among what was found")


def signing_keys(content: bytes) -> dict[str, Key]:
    """Return the keys of a JWK set that sign; what cannot be used is passed over (RFC 7517 §5)."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    several = document.get("keys") if isinstance(document, dict) else None
    keys: dict[str, Key] = {}
    for one in several[:MOST_KEYS] if isinstance(several, list) else ():
        if not isinstance(one, dict) or one.get("kty") not in _SIGNING or one.get("use", "sig") != "sig":
            continue
        try:
            keys[str(one.get("kid", ""))] = JWKRegistry.import_key(one)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return keys


def checks(key: Key, algorithm: str) -> bool:
    """Tell whether a key is of the kind that signatures of an algorithm are checked with (RFC 7518 §3.1, RFC 8037, RFC 9864)."""
    return str(key.key_type) == {"RS": "RSA", "PS": "RSA", "ES": "EC"}.get(algorithm[:2], "OKP")


class Issuers:
    """Who may issue tokens for which source."""

    def __init__(
        self, settings: Mapping[str, IssuerSettings], *, clock: Callable[[], float], fetch: Fetch = fetched
    ) -> None:
        self._settings = settings
        self._keys = {where: Keys(where, clock=clock, fetch=fetch) for where in {one.keys for one in settings.values()}}

    async def opened(self, token: str, now: datetime) -> str:
        """Return the source that a token opens; empty: none."""
        if len(token) > LONGEST or token.count(".") != 2 or not token.isascii():
            return ""
        opens = [source for source, one in self._settings.items() if await self._fits(token, one, now)]
        if len(opens) > 1:
            log.warning("scim.ambiguous_token", sources=opens)
        return opens[0] if len(opens) == 1 else ""

    async def _fits(self, token: str, wanted: IssuerSettings, now: datetime) -> bool:
        header = _header(token)
        kid = header.get("kid", "")
        if header.get("alg") not in wanted.algorithms or not isinstance(kid, str):
            return False
        key = await self._keys[wanted.keys].named(kid)
        claims = None if key is None else _claims(token, key, wanted, now)
        return claims is not None and _permits(claims, wanted)


def _header(token: str) -> dict[str, Any]:
    """Return what a token says of itself, which is believed of nothing but which key to try."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    try:
        return dict(extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError, RecursionError):
        return {}


def _claims(token: str, key: Key, wanted: IssuerSettings, now: datetime) -> dict[str, Any] | None:
    from joserfc import jwt
    from joserfc.errors import JoseError

    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(wanted.leeway.total_seconds()),
        iss={"essential": True, "value": wanted.issuer},
        aud={"essential": True, "value": wanted.audience},
        exp={"essential": True},
    )
    try:
        claims = jwt.decode(token, key, algorithms=list(wanted.algorithms)).claims
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    return dict(claims)


def _permits(claims: Mapping[str, Any], wanted: IssuerSettings) -> bool:
    """Tell whether a token says what it must besides."""
    granted: list[object] = []
    for name in ("scope", "scp", "roles"):
        value = claims.get(name)
        granted += value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    if wanted.scope is not None and wanted.scope not in granted:
        return False
    return all(claims.get(name) == value for name, value in wanted.claims.items())
