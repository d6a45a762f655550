"""One SCIM service over HTTP: signs in, asks, waits when it is asked to, and says plainly what came back.

What reads is repeated within seconds; what writes is sent once, and never again before somebody has looked.

It follows no redirect and no address that the service writes into an answer, so that our token goes to one host only.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from syncd.core.errors import NeedsHuman, TryAgain, foreign
from syncd.core.ports import Room
from syncd.http import Answer, AnswerLost, Client, NotSent, open_client
from syncd_scim import messages
from syncd_scim.paths import folded, text
from syncd_scim.settings import OAuthSettings, ScimSettings

_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_ATTEMPTS: Final = 5
_PAUSE: Final = timedelta(seconds=1)
"""Before the second attempt, where the service names no time; doubled each time."""
_LONGEST: Final = timedelta(hours=1)
"""What a service may ask us to wait until the next run."""
_RENEW_AT: Final = 0.8
_PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_LIFETIME: Final = 300.0
"""Seconds that a token lives whose service does not say how long."""


class Refused(Exception):
    """The service says that it cannot answer this question, and why; the caller decides what that means."""

    def __init__(self, status: int, scim_type: str, detail: str) -> None:
        self.status = status
        self.scim_type = scim_type
        self.detail = detail
        super().__init__(f"{status} {scim_type}")


class Wire:
    """The service, open between `__aenter__` and `__aexit__`."""

    def __init__(self, settings: ScimSettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._base = settings.url.rstrip("/")
        self.host = urlsplit(self._base).hostname or self._base
        self._client: Client | None = None
        self._sign_in = _SignIn(settings)
        self.places: Mapping[str, str] | None = None
        """Where resources are below the base, by the name that the RFC has for the place; None before the service was asked."""
        self.at: datetime | None = None
        """The service's own clock at its last answer, where it says so."""

    async def __aenter__(self) -> Self:
        self._client = open_client(self._settings.http(self._room.base))
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.__aexit__(kind, error, trace)

    async def get(self, path: str, question: Mapping[str, str] | None = None) -> bytes:
        """Return the body of an answer. Raises `Refused`, and `TryAgain` or `NeedsHuman` as a source does."""
        url = self._url(path) + (f"?{urlencode(question, quote_via=quote)}" if question else "")
        answer = await self._patiently(url)
        if answer.status == 401 and self._sign_in.forget():
            answer = await self._patiently(url)
        self.at = _date(answer)
        self._judge(answer, path)
        return answer.content

    async def object(self, path: str, question: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return one JSON object with its names as they came. Raises as `get`, and `NeedsHuman` for anything else."""
        return self.decoded(await self.get(path, question), path)

    async def patch(self, path: str, operations: Sequence[Mapping[str, Any]], *, version: str = "") -> None:
        """Change one resource (RFC 7644 §3.5.2), if it still has the version. Raises as `get`; only a sign-in is repeated."""
        url = self._url(path)
        body = msgspec.json.encode({"schemas": [_PATCH], "Operations": operations})
        headers = {"content-type": "application/scim+json"} | ({"if-match": version} if version else {})
        try:
            answer = await self._once(url, method="PATCH", content=body, headers=headers)
            if answer.status == 401 and self._sign_in.forget():
                answer = await self._once(url, method="PATCH", content=body, headers=headers)
        except AnswerLost as error:
            raise TryAgain(error.problem) from error
        if answer.status in _BUSY:
            asked = _retry_after(answer, self._room.now()) or _PAUSE
            raise TryAgain(messages.BUSY.at(host=self.host, status=answer.status), after=min(asked, _LONGEST))
        if answer.status != 204:
            self._judge(answer, path)

    def decoded(self, body: bytes, path: str) -> dict[str, Any]:
        """Return the object in a body. Raises `NeedsHuman` where there is none."""
        try:
            found = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        if not isinstance(found, dict):
            why = "a page of HTML" if body.lstrip()[:1] == b"<" else "not a JSON object"
            raise NeedsHuman(messages.NOT_SCIM.at(host=self.host, path=path, why=why))
        return found

    def _url(self, path: str) -> str:
        first, slash, rest = path.partition("/")
        return f"{self._base}/{(self.places or {}).get(first, first)}{slash}{rest}"

    async def _patiently(self, url: str) -> Answer:
        """Ask until there is an answer that is not “later”. Nothing that only reads can be done twice."""
        left = self._settings.patience
        pause = _PAUSE
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._once(url)
            except (NotSent, AnswerLost) as error:
                if attempt == _ATTEMPTS or pause > left:
                    raise TryAgain(error.problem) from error
                wait = pause
            else:
                if answer.status not in _BUSY:
                    return answer
                asked = _retry_after(answer, self._room.now())
                wait = pause if asked is None else asked
                if attempt == _ATTEMPTS or wait > left:
                    problem = messages.BUSY.at(host=self.host, status=answer.status)
                    raise TryAgain(problem, after=min(wait, _LONGEST))
            await asyncio.sleep(wait.total_seconds())
            left -= wait
            pause *= 2
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    async def _once(
        self, url: str, *, method: str = "GET", content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        assert self._client is not None, "open the wire first"
        said = {
            "accept": "application/scim+json, application/json",
            "authorization": await self._sign_in.header(self._client),
        }
        return await self._client.send(method, url, content=content, headers={**said, **(headers or {})})

    def _judge(self, answer: Answer, path: str) -> None:
        status, host = answer.status, self.host
        match status:
            case 200:
                return
            case 401:
                raise NeedsHuman(messages.UNAUTHORIZED.at(host=host, status=status))
            case 403:
                raise NeedsHuman(messages.FORBIDDEN.at(host=host, path=path))
            case _ if 300 <= status < 400:
                raise NeedsHuman(messages.MOVED.at(host=host))
        told = _error(answer.content)
        raise Refused(status, text(told.get("scimtype")), foreign(text(told.get("detail"))))


class _SignIn:
    """What is written into `authorization`: a token or a password, or a token that is asked for and renewed."""

    def __init__(self, settings: ScimSettings) -> None:
        self._settings = settings
        self._header = ""
        self._ends_at = 0.0
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return "_SignIn()"

    def forget(self) -> bool:
        """Forget a token that was refused; tell whether another one can be had."""
        self._header = ""
        return self._settings.oauth is not None

    async def header(self, client: Client) -> str:
        """Return the header's value. Raises `NeedsHuman` or `TryAgain` where no token is to be had."""
        settings = self._settings
        if settings.token is not None:
            return f"Bearer {settings.token.reveal()}"
        if settings.password is not None:
            return _basic(settings.user, settings.password.reveal())
        assert settings.oauth is not None
        clock = asyncio.get_running_loop().time
        async with self._lock:
            if not self._header or clock() >= self._ends_at:
                token, seconds = await _fetched(client, settings.oauth)
                self._header, self._ends_at = f"Bearer {token}", clock() + _RENEW_AT * seconds
            return self._header


async def _fetched(client: Client, oauth: OAuthSettings) -> tuple[str, float]:
    """Return an access token and the seconds that it lives (RFC 6749 §4.4)."""
    form = {"grant_type": "client_credentials"} | ({"scope": oauth.scope} if oauth.scope else {})
    headers = {}
    secret = oauth.client_secret.reveal()
    if oauth.in_body:
        form |= {"client_id": oauth.client_id, "client_secret": secret}
    else:
        # RFC 6749 §2.3.1: both are form-encoded first.
        headers["authorization"] = _basic(quote(oauth.client_id, safe=""), quote(secret, safe=""))
    host = urlsplit(oauth.token_url).hostname
    answer = await client.send("POST", oauth.token_url, form=form, headers=headers)
    if answer.status in _BUSY:
        raise TryAgain(messages.BUSY.at(host=host, status=answer.status))
    said = _error(answer.content)
    token = text(said.get("access_token"))
    if answer.status != 200 or not token:
        why = foreign(text(said.get("error")) or f"status {answer.status}")
        raise NeedsHuman(messages.NO_TOKEN.at(host=host, why=why))
    lives = text(said.get("expires_in"))
    return token, float(lives) if lives.isdigit() else _LIFETIME


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _error(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return folded(found) if isinstance(found, dict) else {}


def _retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """Return what `Retry-After` asks (RFC 9110 §10.2.3): seconds, or an instant."""
    asked = answer.headers.get("retry-after", "").strip()
    if asked.isdigit():
        return timedelta(seconds=int(asked))
    try:
        return max(parsedate_to_datetime(asked) - now, timedelta(0))
    except (TypeError, ValueError):
        return None


def _date(answer: Answer) -> datetime | None:
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None
