"""What `syncd.yaml` says about a SCIM service that is pulled. The docstrings are the editor's tooltips."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from syncd.config.durations import Duration
from syncd.config.problems import refusal
from syncd.config.secrets import Secret
from syncd.http import HttpSettings
from syncd_scim.messages import BAD_PATH, NO_SIGN_IN
from syncd_scim.paths import PATH


class Paging(StrEnum):
    """How lists are asked for."""

    AUTO = "auto"
    INDEX = "index"
    CURSOR = "cursor"


class Deltas(StrEnum):
    """How changes are learned between two full reads."""

    MODIFIED = "modified"
    NONE = "none"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuthSettings(_Part):
    """A token by OAuth 2.0 client credentials (RFC 6749 §4.4)."""

    token_url: str = Field(pattern=r"^https?://[^\s#]+$", examples=["https://login.example.com/oauth2/token"])
    """Where tokens are given."""
    client_id: str = Field(min_length=1, examples=["syncd"])
    """The name of the application."""
    client_secret: Secret = Field(examples=[{"env": "SCIM_CLIENT_SECRET"}])
    """Its secret, best as {env: …}, {file: …} or {credential: …}."""
    scope: str = ""
    """What is asked for; empty: what the service gives by itself."""
    in_body: bool = False
    """Send the client's name and secret in the body, not as HTTP Basic: some services want that."""


class ScimSettings(_Part):
    """A SCIM 2.0 service as a source."""

    url: str = Field(pattern=r"^https?://[^\s?#]+$", examples=["https://idp.example.com/scim/v2"])
    """The base of the service; `/Users` and `/Groups` are below it."""
    token: Secret | None = Field(default=None, examples=[{"env": "SCIM_TOKEN"}])
    """A bearer token, best as {env: …}, {file: …} or {credential: …}."""
    user: str = ""
    """The name for HTTP Basic."""
    password: Secret | None = None
    """The password for HTTP Basic."""
    oauth: OAuthSettings | None = None
    """Client credentials, where tokens end and are asked for anew."""
    users_filter: str = ""
    """Whom to read, in SCIM's filter language; empty: everybody. Leave out nobody for being inactive: they are the leavers."""
    groups: bool = True
    """Whether groups are read."""
    attributes: Mapping[Annotated[str, Field(min_length=1)], str] = Field(default_factory=dict)
    """More attributes of people, by a name of your own: `badge: urn:example:2.0:User:badge`. Rules may read them as texts."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Rows that are asked for at once; the service may give fewer."""
    paging: Paging = Paging.AUTO
    """`auto` does what the service says of itself; `index` counts rows, `cursor` follows the service's marks (RFC 9865)."""
    delta: Deltas = Deltas.MODIFIED
    """`modified` asks for what changed since the last read, and reads everything when somebody is missing; `none` always reads
    everything."""
    overlap: Duration = timedelta(minutes=5)
    """How far before the last read a delta begins: a service may be late with its times."""
    patience: Duration = timedelta(seconds=60)
    """How long to wait within a read for a service that asks us to come later."""
    timeout: Duration = timedelta(seconds=60)
    """How long one answer may take."""
    proxy: Secret | None = None
    """`http://[user:password@]host:port`. The environment's proxy settings are not used."""
    ca_file: Path | None = None
    """PEM file with the only root certificates to trust; a relative path starts at the folder of syncd.yaml."""

    @field_validator("attributes")
    @classmethod
    def _paths(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for path in value.values():
            if PATH.fullmatch(path) is None:
                raise refusal(BAD_PATH, path=path)
        return value

    @model_validator(mode="after")
    def _signs_in(self) -> Self:
        basic = bool(self.user) and self.password is not None
        if (self.token is not None) + basic + (self.oauth is not None) != 1 or bool(self.user) != (
            self.password is not None
        ):
            raise refusal(NO_SIGN_IN)
        return self

    def http(self, base: Path) -> HttpSettings:
        """Return how the service is reached, in the words of `syncd.http`."""
        return HttpSettings(
            timeout=self.timeout.total_seconds(),
            proxy=SecretStr(self.proxy.reveal()) if self.proxy else None,
            ca_file=base / self.ca_file if self.ca_file else None,
            connections=8,
        )
