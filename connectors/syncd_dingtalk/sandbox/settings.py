"""What a sandbox is set to: its company, its first app, its limits and the behaviours that differ between real tenants.

One frozen value; the control surface replaces it while the sandbox runs (`FIXED` names stay as they were at the start).
Nothing here reads a file or the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FIXED: Final = frozenset(
    {"corp_id", "app_key", "app_secret", "agent_id", "state_file", "root_name", "seed", "main_admin"}
)
"""Settings that make the tenant what it is; they cannot be changed while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """A sandbox's settings. The defaults are the documented behaviour of a standard-edition tenant in mainland China."""

    corp_id: str = "dingsandboxcorp"
    app_key: str = "dingsandboxkey"
    app_secret: str = "sandbox-secret"
    agent_id: int = 257000001
    root_name: str = "Sandbox Company"
    seed: int = 0
    """Decides every generated id, token and probability: the same calls give the same tenant."""
    main_admin: bool = True
    """Whether the tenant starts with its creator (`manager0001`), the main administrator whom no app can delete."""
    state_file: Path | None = None
    """Where the tenant is kept between runs; None keeps it in memory."""

    qps: int | None = 20
    """Calls per second that one app may make of one interface; None for no limit (the address limit is off then, too)."""
    ip_calls: int | None = 10_000
    """Calls within 20 s after which an address is banned for 5 minutes; None for no limit."""
    ban_as_json: bool = False
    """True: a banned address gets the ban's JSON (`"status":1111`); False: a web page that contains it. Both were seen."""
    calls_kept: int = 200_000
    """Calls that the call log remembers."""

    corp_region: str = "CN"
    """Where the company is registered, ISO 3166-1 alpha-2: decides how mainland numbers must be written."""
    list_lag_seconds: float = 0
    """How long list calls show the tenant as it was (reads by id never lag)."""
    activate_on_create: bool = False
    """True: new members are active at once, as if each had logged in."""
    invite_all: bool = False
    """True: every creation only invites (40103) until the invitation is accepted."""
    invite_mobiles: tuple[str, ...] = ()
    """Numbers, as written by the caller, whose creation only invites (40103)."""
    cascade_department_delete: bool = False
    """True: deleting a department deletes the empty ones below it; False: 60006. The documents contradict each other."""
    duplicate_department_code: int = 60021
    """60021 today; 60008 in older tables."""
    duplicate_email_code: int = 40101
    """40101 or 60106; both are documented."""
    mobile_change_code: int = 40022
    """What changing a mobile number answers: 40022, 40021 or 41054."""
    home_school: bool = False
    """True: the tenant shows the home-school tree's negative department ids (-7) below the root."""
    chat_sides_shown: bool = False
    """True: `department/get` shows whether a chat takes in outer and hidden departments below. Its page lists neither."""
    position_management: bool = False
    """True: changing titles or departments answers 12150, as with the HR product's position management."""
    refuse_unicode_escapes: bool = False
    """True: a body with `\\uXXXX` escapes answers 40033."""
    extension_fields: tuple[str, ...] | None = None
    """Custom profile fields that exist; others answer 60122. None accepts any."""
    sensitive_words: tuple[str, ...] = ()
    """Words in names that answer 60022."""
    department_limit: int | None = None
    """Departments in the company; beyond, 60110. The real number is not published."""
    children_limit: int = 1000
    """Direct sub-departments of one department."""
    members_limit: int | None = 1000
    """Direct members of one department; beyond, 40023."""
    user_limit: int | None = None
    """Members of the company; beyond, 40020."""
    add_limit: int | None = None
    """Members that may be added in all; beyond, -1, as the weekly and total caps answer."""
    ip_whitelist: tuple[str, ...] = ()
    """Addresses that may call; empty for all. Others get 60020."""

    stream_endpoint: str = ""
    """What opening a Stream connection answers as its endpoint (`ws://host:port/connect`); empty: where the sandbox listens."""
    stream_ping_seconds: float = 25
    """Silence after which the platform sends a ping (20 to 30 s, third party)."""
    stream_redeliver_seconds: float = 60
    """After how long an event that is not acknowledged, or wanted LATER, is sent again (recalled)."""
    stream_keep_seconds: float = 600
    """How old an event may be that waits for a connection (not documented)."""
    stream_close_seconds: float = 10
    """How long a connection stays open after the notice that ends it."""
    callback_seconds: float = 2.5
    """How long the receiver of an HTTP callback may take to answer."""
    callback_retries: tuple[float, ...] = (10.0, 30.0)
    """After how many seconds a callback that failed is sent again."""
