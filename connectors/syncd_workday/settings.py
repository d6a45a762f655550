"""What `syncd.yaml` says about a Workday tenant. The docstrings are the editor's tooltips."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from syncd.config.durations import Duration
from syncd.config.problems import refusal
from syncd.config.secrets import Secret
from syncd.http import HttpSettings
from syncd_workday.messages import BAD_PATH, BAD_ZONE, NO_SIGN_IN, WRONG_WAY
from syncd_workday.settings_rows import QuerySettings, ReportSettings, RowSettings


class Identity(StrEnum):
    """What makes two worker records one person."""

    WORKER_ID = "worker_id"
    UNIVERSAL_ID = "universal_id"


class Way(StrEnum):
    """By which of Workday's doors people are read."""

    SOAP = "soap"
    RAAS = "raas"
    WQL = "wql"


class Deltas(StrEnum):
    """How changes are learned between two full reads."""

    TRANSACTIONS = "transactions"
    NONE = "none"


class Section(StrEnum):
    """A part of a worker that a right of its own shows; without the right it is missing, and no fault tells."""

    NAMES = "names"
    CONTACT = "contact"
    STATUS = "status"
    POSITION = "position"
    ORGANIZATIONS = "organizations"
    MANAGEMENT_CHAIN = "management_chain"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RefreshSettings(_Part):
    """An API client for integrations with a refresh token that does not expire."""

    client_id: str = Field(min_length=1, examples=["example-client"])
    """The API client's id."""
    client_secret: Secret = Field(examples=[{"env": "WORKDAY_SECRET"}])
    """Its secret, best as {env: …}, {file: …} or {credential: …}."""
    refresh_token: Secret = Field(examples=[{"env": "WORKDAY_REFRESH"}])
    """The refresh token that belongs to the integration user."""


class JwtSettings(_Part):
    """An API client that signs in with a key instead of a secret (JWT bearer)."""

    client_id: str = Field(min_length=1, examples=["example-client"])
    """The API client's id."""
    user: str = Field(min_length=1, examples=["ISU_syncd"])
    """The integration user for whom it asks."""
    key: Secret = Field(examples=[{"credential": "workday_key"}])
    """The RSA key in PEM form whose certificate the API client knows."""


class CertificateSettings(_Part):
    """An integration user who signs each message with a key instead of sending a password (X.509)."""

    user: str = Field(min_length=1, examples=["ISU_syncd"])
    """The integration user; `@tenant` is added where it is missing."""
    key: Secret = Field(examples=[{"credential": "workday_key"}])
    """The RSA key in PEM form."""
    certificate: Path
    """The PEM file of its certificate, whose public key the user's Workday account has; a relative path starts at the folder of
    syncd.yaml."""


class WorkdaySettings(_Part):
    """A Workday tenant as a source."""

    url: str = Field(pattern=r"^https?://[^\s/?#]+/?$", examples=["https://wd3-impl-services1.workday.com"])
    """The host of the tenant's web services."""
    tenant: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", examples=["example"])
    """The tenant's name, as it stands in addresses."""
    way: Way = Way.SOAP
    """`soap` reads workers by Human_Resources; `raas` reads custom reports, `wql` the answers of queries."""
    report: ReportSettings | None = None
    """Which reports are read by `way: raas`."""
    query: QuerySettings | None = None
    """What is asked by `way: wql`."""
    version: str = Field(default="v44.0", pattern=r"^v\d+\.\d+$")
    """The version of the web service. From v22.0 on; names of attributes are those of v30 and later."""
    user: str = ""
    """The integration user; `@tenant` is added where it is missing."""
    password: Secret | None = None
    """Its password, best as {env: …}, {file: …} or {credential: …}."""
    oauth: RefreshSettings | None = None
    """Sign in by a refresh token instead."""
    jwt: JwtSettings | None = None
    """Sign in by a signed assertion instead."""
    x509: CertificateSettings | None = None
    """Sign every message instead; for `way: soap`."""
    identity: Identity = Identity.WORKER_ID
    """What makes two worker records one person: `worker_id` (employee or contingent worker id), or `universal_id` where the
    tenant has one, which also survives a conversion that changes the worker id. Changing it makes everybody a new record."""
    attributes: Mapping[Annotated[str, Field(min_length=1)], str] = Field(default_factory=dict)
    """More attributes of workers by a name of your own, as XPath: `Badge: wd:Worker/wd:Worker_Data/…`."""
    organizations: tuple[str, ...] = ("SUPERVISORY",)
    """The types of organizations that are read as units. Empty: none."""
    ahead: Annotated[int, Field(ge=0, le=90)] = 0
    """So many days before the first day somebody counts as active, with the data of the first day."""
    timezone: str = "Asia/Shanghai"
    """Where “today” is: changes that take effect on a day are seen from its beginning there. Hires and ends use the zone of the
    worker's location. The zone of the integration user, US Pacific time, is never used."""
    timezones: Mapping[str, str] = Field(default_factory=dict)
    """Time zones of locations, by Location_ID."""
    without: frozenset[Section] = frozenset()
    """Parts of a worker that need not be there."""
    allowed_loss: Annotated[float, Field(ge=0, le=1)] = 0.02
    """The share of worker records that may be missing since the last proven read. Leavers stay in Workday as records, so a loss
    is a constrained integration user before it is anything else."""
    delta: Deltas = Deltas.TRANSACTIONS
    """`transactions` asks who has transactions since the last read; `none` always reads everything."""
    overlap: Duration = timedelta(minutes=10)
    """How far before the last read a delta begins."""
    page_size: Annotated[int, Field(ge=1, le=999)] = 100
    """Workers that are asked for at once; Workday allows 999."""
    patience: Duration = timedelta(seconds=120)
    """How long to wait within a read while Workday says that it is busy."""
    timeout: Duration = timedelta(minutes=5)
    """How long one answer may take; the first page is the slow one."""
    proxy: Secret | None = None
    """`http://[user:password@]host:port`. The environment's proxy settings are not used."""
    ca_file: Path | None = None
    """PEM file with the only root certificates to trust; a relative path starts at the folder of syncd.yaml."""

    @field_validator("attributes")
    @classmethod
    def _paths(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for path in value.values():
            if "wd:Worker/" not in path:
                raise refusal(BAD_PATH, path=path, why="it does not begin at wd:Worker/")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return _checked(value)

    @field_validator("timezones")
    @classmethod
    def _zones(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return {location: _checked(zone) for location, zone in value.items()}

    @model_validator(mode="after")
    def _signs_in(self) -> Self:
        basic = bool(self.user) and self.password is not None
        ways = basic + sum(one is not None for one in (self.oauth, self.jwt, self.x509))
        if ways != 1 or bool(self.user) != (self.password is not None):
            raise refusal(NO_SIGN_IN)
        return self

    @model_validator(mode="after")
    def _fits_its_way(self) -> Self:
        wrong = {
            "`way: raas` needs `report`": self.way is Way.RAAS and self.report is None,
            "`way: wql` needs `query`": self.way is Way.WQL and self.query is None,
            "`report` belongs to `way: raas`": self.way is not Way.RAAS and self.report is not None,
            "`query` belongs to `way: wql`": self.way is not Way.WQL and self.query is not None,
            "`attributes` are XPaths, for `way: soap`; rows have `columns`": self.way is not Way.SOAP
            and bool(self.attributes),
            "`x509` belongs to `way: soap`: only messages can be signed": self.way is not Way.SOAP
            and self.x509 is not None,
            # Seen with a vendor and recalled by others: REST knows API clients only.
            "`way: wql` needs `oauth` or `jwt`: a password opens SOAP and reports only": self.way is Way.WQL
            and self.password is not None,
        }
        for why, so in wrong.items():
            if so:
                raise refusal(WRONG_WAY, why=why)
        return self

    @property
    def rows(self) -> RowSettings:
        """Return what rows say; only for the ways that read rows."""
        rows = self.report or self.query
        assert rows is not None, "the settings fit their way"
        return rows

    @property
    def base(self) -> str:
        """Return the address of the host, without a slash at its end."""
        return self.url.rstrip("/")

    def http(self, base: Path) -> HttpSettings:
        """Return how Workday is reached, in the words of `syncd.http`."""
        return HttpSettings(
            timeout=self.timeout.total_seconds(),
            proxy=SecretStr(self.proxy.reveal()) if self.proxy else None,
            ca_file=base / self.ca_file if self.ca_file else None,
            connections=4,
        )


def _checked(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refusal(BAD_ZONE, zone=zone) from None
    return zone
