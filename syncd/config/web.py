"""The part `web` of `syncd.yaml`: where the service listens, who may wake it, who may look at it. It opens no
socket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from syncd.config.durations import Duration
from syncd.config.parts import Part
from syncd.config.problems import refusal
from syncd.config.secrets import Secret
from syncd.core.errors import message

PORT: Final = 8470
_SENDER: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SOCKET: Final = "unix:"

_WRONG_ADDRESS: Final = message(
    "CFG-060",
    what="This is not an address to listen on: {why}.",
    do="Write HOST:PORT with an IP address, such as 127.0.0.1:8470 or [::1]:8470, or unix: and a path.",
    example="web: {listen: 8470}",
)
_WRONG_SENDER: Final = message(
    "CFG-061",
    what="'{name}' cannot be the name of a sender of webhooks.",
    do="Use small letters, digits and single underscores, beginning with a letter.",
    example="web: {webhooks: {HR-System: {sources: [hr], secrets: [{credential: webhook-hr}]}}}",
)
_HALF_TLS: Final = message(
    "CFG-062",
    what="TLS takes a certificate and its key, and only one of them is given.",
    do="Write both `web.certificate` and `web.key`, or neither.",
    example="web: {certificate: /etc/syncd/web.pem}",
)
_NO_PROXY: Final = message(
    "CFG-063",
    what="This is not the address of a proxy: {why}.",
    do="Write its IP address, such as 192.0.2.10; names and networks are not looked up.",
    example="web: {proxies: [proxy.example.com]}",
)
_WRONG_KEYS: Final = message(
    "CFG-064",
    what="Keys are not fetched from '{url}'.",
    do="Write an address with https://, or the path of a file.",
    example="web: {scim: {issuers: {entra: {keys: http://id.example.com/keys}}}}",
)
_TOO_WIDE: Final = message(
    "CFG-065",
    what="Any token that this issuer has made for this audience would open the source.",
    do="Say what a token must hold besides: `scope`, or `claims` such as the id of the client.",
    example="web: {scim: {issuers: {entra: {issuer: …, audience: …, keys: …}}}}",
)
_TOO_LENIENT: Final = message(
    "CFG-066",
    what="A leeway of more than five minutes keeps tokens alive that have ended.",
    do="Write 5m or less, and let both machines ask a time server.",
    example="web: {scim: {issuers: {entra: {leeway: 1h}}}}",
)
_MOST_LEEWAY: Final = timedelta(minutes=5)
_NEAR: Final = ("localhost", "127.0.0.1", "::1")

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""Signatures that are made with one key and checked with another (RFC 7518 §3.1, RFC 9864)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen: an IP address with a port (0: any free one), or a socket in the file system."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        """Return it as it is written in settings."""
        if self.path is not None:
            return f"{_SOCKET}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Tell whether only this machine reaches it."""
        return self.path is not None or ip_address(self.host).is_loopback


def address(text: str) -> Address:
    """Return what `text` means. Raises a pydantic error that tells the message CFG-060."""
    if text.startswith(_SOCKET):
        path = text.removeprefix(_SOCKET)
        if not path:
            raise refusal(_WRONG_ADDRESS, why="no path follows unix:")
        return Address(path=Path(path))
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise refusal(_WRONG_ADDRESS, why="it does not end with a colon and a port up to 65535")
    try:
        return Address(host=str(ip_address(host)), port=int(port))
    except ValueError:
        raise refusal(_WRONG_ADDRESS, why="what stands before the port is no IP address") from None


def _rooted(text: str, info: ValidationInfo) -> str:
    """Check an address; a relative path in it starts at the folder of syncd.yaml."""
    path, base = address(text).path, (info.context or {}).get("base")
    return f"{_SOCKET}{Path(base) / path}" if base and path else text


def _is_proxy(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise refusal(_NO_PROXY, why="it is no IP address") from None


Listen = Annotated[str, AfterValidator(_rooted)]


class SenderSettings(Part):
    """One system that may say that somebody has changed."""

    sources: list[str] = Field(min_length=1)
    """The sources that it may wake, by their names above."""
    secrets: list[Secret] = Field(min_length=1, max_length=4)
    """What it signs with: 24 bytes or more, as text or as `whsec_` and base64. Two while you change from one to the
    other."""


def _are_keys(text: str, info: ValidationInfo) -> str:
    """Check where keys are; a relative path starts at the folder of syncd.yaml."""
    if "://" in text:
        url = urlsplit(text)
        near = url.scheme == "http" and url.hostname in _NEAR
        if not url.hostname or not (url.scheme == "https" or near):
            raise refusal(_WRONG_KEYS, url=text)
        return text
    base = (info.context or {}).get("base")
    return str(Path(base) / text) if base else text


class IssuerSettings(Part):
    """Who issues access tokens (JWTs) that open a source, and what they must say."""

    issuer: str = Field(min_length=1)
    """What `iss` must say, to the letter."""
    audience: str = Field(min_length=1)
    """What `aud` must say, or hold: us."""
    keys: Annotated[str, AfterValidator(_are_keys)]
    """Where the issuer's public keys are (a JWK set): an https address, or a file. They are looked at again each hour, and once a
    minute at most for a key that is not known."""
    algorithms: list[Algorithm] = Field(default=["RS256"], min_length=1)
    """What it may be signed with. `none` and shared secrets are never taken."""
    scope: str | None = Field(None, min_length=1)
    """What must be among its scopes (`scope`, `scp`) or `roles`."""
    claims: dict[str, str] = Field(default_factory=dict)
    """What else it must say, to the letter, such as who asked for it: `azp: …`."""
    leeway: Duration = timedelta(minutes=1)
    """How far the issuer's clock may be from ours."""

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        if self.scope is None and not self.claims:
            raise refusal(_TOO_WIDE)
        if self.leeway > _MOST_LEEWAY:
            raise refusal(_TOO_LENIENT)
        return self


class ScimSettings(Part):
    """How much providers may push. Which sources they push to are those of `type: scim_push`; their tokens are given by
    `syncd scim token add`, or by an issuer of your own."""

    rate: int = Field(200, ge=1, le=10_000)
    """Requests per second of one token; twice as many at once. More are answered with 429 and come again."""
    issuers: dict[str, IssuerSettings] = Field(default_factory=dict)
    """Who may issue access tokens instead, by the name of the source that they open."""


class MonitoringSettings(Part):
    """Who may look at /healthz, /readyz and /metrics, and when the service counts as not ready."""

    listen: Listen | None = Field(None, examples=["127.0.0.1:8471"])
    """Another address for them; null: the same as `web.listen`."""
    token: Secret | None = None
    """What a monitoring system has to send (`Authorization: Bearer …`) for /metrics and for the reasons of /readyz;
    null: nothing. /healthz, and whether the service is ready, are told to everybody who reaches the address."""
    run_within: Duration | None = None
    """Not ready when no synchronization has ended well for so long; null: three times `schedule.every`, and at least
    5m."""
    read_within: Duration | None = None
    """Not ready when a source was not read for so long; null: the same as `run_within`."""
    proven_within: Duration | None = None
    """Not ready when a source was not proven complete for so long; null: twice `schedule.full_every`, and an hour."""


class WebSettings(Part):
    """Where the service listens for webhooks and for those who watch over it."""

    listen: Listen | None = Field(
        f"127.0.0.1:{PORT}", examples=["127.0.0.1:8470", "[::]:8470", "unix:/run/syncd/web.sock"]
    )
    """The address; `unix:` and a path for a socket in the file system (a relative path starts at the folder of
    syncd.yaml); null: nothing listens."""
    certificate: Path | None = None
    """A PEM file with the certificate and those between it and its root; then only HTTPS is spoken. Read again when it
    changes."""
    key: Path | None = None
    """The PEM file of its private key, without a password."""
    proxies: list[Annotated[str, AfterValidator(_is_proxy)]] = Field(default_factory=list)
    """The addresses of reverse proxies, whose X-Forwarded-For is believed when clients are told apart."""
    rate: int = Field(100, ge=1, le=10_000)
    """Requests per second that one client may make (one IPv4 address, one IPv6 /64); twice as many at once. More are
    answered with 429 and come again."""
    tolerance: Duration = timedelta(minutes=5)
    """How far the time in a webhook's signature may be from ours, before and after. What is older cannot be played
    back."""
    webhooks: dict[str, SenderSettings] = Field(default_factory=dict)
    """The systems that may say over HTTP that somebody has changed, by a name of your own."""
    scim: ScimSettings = ScimSettings()
    """How much providers may push by SCIM."""
    monitoring: MonitoringSettings = MonitoringSettings()
    """Who may look at /healthz, /readyz and /metrics, and when the service counts as not ready."""

    @field_validator("certificate", "key")
    @classmethod
    def _from_base(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        base = (info.context or {}).get("base")
        return Path(base) / path if base and path else path

    @field_validator("webhooks")
    @classmethod
    def _speakable(cls, senders: dict[str, SenderSettings]) -> dict[str, SenderSettings]:
        for name in senders:
            if not _SENDER.fullmatch(name):
                raise refusal(_WRONG_SENDER, name=name[:64])
        return senders

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) is not (self.key is None):
            raise refusal(_HALF_TLS)
        return self
