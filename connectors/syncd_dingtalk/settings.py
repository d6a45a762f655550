"""What `syncd.yaml` says about the target. The docstrings are the editor's tooltips; nothing here does anything."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from syncd.config.problems import refusal
from syncd.config.secrets import Secret
from syncd_dingtalk.messages import NO_CALLBACK_SECRETS, NO_CREDENTIALS
from syncd_dingtalk.mobiles import Region
from syncd_dingtalk.rate import ADDRESS_CALLS


class MobileChange(StrEnum):
    """What to do when a person's mobile number changes, which DingTalk does not do."""

    REJECT = "reject"
    RECREATE = "recreate"


class Protect(StrEnum):
    """Which administrators are never touched."""

    MAIN = "main"
    ALL = "all"


class Details(StrEnum):
    """Whose details are read one by one."""

    ALL = "all"
    NONE = "none"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SandboxEntry(_Part):
    """A DingTalk of one's own on this machine, for trying things out. Its key and secret are used."""

    state: Path | None = None
    """File in which the sandbox keeps its company between runs; without one, it forgets. A relative path starts at the
    folder of syncd.yaml."""
    qps: int | None = Field(default=20, ge=1)
    """Calls per second and interface that the sandbox permits, as DingTalk does; null for no limit."""
    company: str = "Sandbox Company"
    """The name of the organization."""


class EventMode(StrEnum):
    """How DingTalk tells what was changed in it."""

    STREAM = "stream"
    CALLBACK = "callback"
    NONE = "none"


class EventSettings(_Part):
    """How syncd learns at once of what somebody changes in DingTalk by hand."""

    mode: EventMode = EventMode.STREAM
    """`stream`: syncd keeps a connection to DingTalk open (nothing has to be reachable from outside); `callback`: DingTalk calls
    syncd's web address; `none`: hand edits are found by the scheduled look at the target alone. Either way the application must
    subscribe to the address-book events in DingTalk's console."""
    token: Secret | None = None
    """The token of the HTTP callback, from the console."""
    aes_key: Secret | None = None
    """The AES key of the HTTP callback, from the console: 43 letters and digits."""
    owner: str = ""
    """Whose key ends each callback message: empty for the application's own (console); the company's CorpId where the callback
    was registered by a call."""

    @model_validator(mode="after")
    def _has_secrets(self) -> Self:
        if self.mode is EventMode.CALLBACK and (self.token is None or self.aes_key is None):
            raise refusal(NO_CALLBACK_SECRETS)
        return self


class DingTalkSettings(_Part):
    """DingTalk as a target."""

    app_key: str = Field(default="", examples=["CHANGE-ME"])
    """The application's key (Client ID) in DingTalk's developer console."""
    app_secret: Secret | None = Field(default=None, examples=[{"env": "DINGTALK_APP_SECRET"}])
    """The application's secret (Client Secret), best as {env: …}, {file: …} or {credential: …}."""
    base_url: str = Field(default="https://oapi.dingtalk.com", pattern=r"^https?://[^/?#]+/?$")
    """Where the address book is. Only the international edition and tests need another one."""
    new_base_url: str = Field(default="https://api.dingtalk.com", pattern=r"^https?://[^/?#]+/?$")
    """Where tokens are given."""
    corp_region: Region = Region.MAINLAND
    """Where the organization is registered: decides how mobile numbers of mainland China are written."""
    root_department: int = Field(default=1, ge=1)
    """The department under which everything happens; 1 is the organization itself. It is never changed itself."""
    qps: int | None = Field(default=20, ge=1, le=1000)
    """Calls per second and interface that your edition permits: 20, or 60 with the add-on. null only for a sandbox."""
    address_calls: int | None = Field(default=ADDRESS_CALLS, ge=100, le=10_000)
    """Calls within 20 seconds over all interfaces; DingTalk shuts an address out at 10,000. null only for a sandbox."""
    head_room: float = Field(default=0.0, ge=0, lt=1)
    """The share of the permitted calls left to other programs that use the same application."""
    timeout: float = Field(default=20.0, gt=0, le=300)
    """Seconds to wait for an answer."""
    proxy: Secret | None = None
    """`http://[user:password@]host:port`. The environment's proxy settings are not used."""
    ca_file: Path | None = None
    """PEM file with the only root certificates to trust; needed where a company proxy opens TLS."""
    mobile_change: MobileChange = MobileChange.REJECT
    """`reject` tells you, `recreate` removes the account and creates it again with the same userid: the person loses groups,
    roles and history. DingTalk knows no other way."""
    protect_admins: Protect = Protect.ALL
    """Administrators whom syncd never touches: the main one, or all of them."""
    mark_prefix: str = Field(default="syncd:", min_length=1, max_length=32)
    """Departments that syncd makes carry this and its own id, invisibly (`source_identifier`): the proof that it made them."""
    observe_details: Details = Details.ALL
    """`all` reads every person one by one, because lists lack managers; `none` is faster and then never compares managers."""
    events: EventSettings = EventSettings()
    """How syncd learns at once of what somebody changes in DingTalk by hand."""
    todo_link: str = Field(default="https://www.dingtalk.com/", pattern=r"^(https?|dingtalk)://\S+$", max_length=1024)
    """The page that opens from a to-do, such as yours on what a new colleague needs: managers hear of joiners by to-dos
    (`joiners.tell`), and DingTalk demands a page for each."""
    sandbox: SandboxEntry | None = None
    """Use a built-in DingTalk instead of the real one."""

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if self.sandbox is None and (not self.app_key or self.app_secret is None):
            raise refusal(NO_CREDENTIALS)
        return self
