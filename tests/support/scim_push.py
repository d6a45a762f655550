"""Providers that push: an endpoint without HTTP on a real store, the same over HTTP, and requests as providers send them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from support.web import AT, Door, settings
from syncd.config.web import IssuerSettings
from syncd.engine.pushing import Pushing
from syncd.scim.service import Answer, Asked, answered
from syncd.store import Store
from syncd.store.tokens import TokenRow
from syncd.web.scim import Pushed

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
E: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
TOKEN: Final = "syncd_example-token-of-entra"
OTHER_TOKEN: Final = "syncd_example-token-of-partners"
BASE: Final = "https://syncd.example.com/scim/v2/entra"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, decoded."""

    status: int
    body: Any
    headers: Mapping[str, str]
    changed: bool

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Provider:
    """Sends requests to one source of a store, without HTTP."""

    def __init__(self, store: Store, source: str = "entra") -> None:
        self.store, self.source = store, source

    def ask(self, method: str, path: str, body: Any = None, **words: Any) -> Reply:
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        parts = tuple(one for one in path.split("/") if one)
        asked = Asked(method=method, path=parts, base=BASE, body=sent, **words)
        with self.store.transaction() as tx:
            return reply(answered(asked, tx.pushed.shelf(self.source, at=datetime.now(UTC))))

    def user(self, name: str = "ayu@okta.local", /, **more: Any) -> str:
        """Make a user and return its id."""
        made = self.ask("POST", "Users", {"schemas": [USER], "userName": name, **more})
        assert made.status == 201, made
        return str(made["id"])

    def group(self, name: str = "Semua", members: list[str] | None = None) -> str:
        """Make a group and return its id."""
        inside = [{"value": one} for one in members or ()]
        made = self.ask("POST", "Groups", {"schemas": [GROUP], "displayName": name, "members": inside})
        assert made.status == 201, made
        return str(made["id"])

    def get(self, place: str, **query: str) -> Reply:
        return self.ask("GET", place, query=query)

    def patch(self, place: str, *operations: Mapping[str, Any], **words: Any) -> Reply:
        return self.ask("PATCH", place, {"schemas": [PATCH_OP], "Operations": list(operations)}, **words)

    def members(self, group: str) -> set[str]:
        """Return who is in a group."""
        return {one["value"] for one in self.get(f"Groups/{group}").body.get("members", ())}

    def count(self) -> int:
        return int(self.get("Users")["totalResults"])


def reply(answer: Answer) -> Reply:
    body = json.loads(answer.body) if answer.body else None
    return Reply(answer.status, body, answer.headers, answer.changed)


def token(text: str, source: str, **more: Any) -> TokenRow:
    """Return what is kept of a token."""
    digest = hashlib.sha256(text.encode()).digest()
    return TokenRow(**{"id": text[-8:], "source": source, "digest": digest, "note": "", "created_at": AT, **more})


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Open a store in a folder."""
    store = Store.open(f"sqlite:///{folder / 'pushed.db'}", now=lambda: datetime.now(UTC))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def endpoint(
    folder: Path,
    *,
    rate: float = 10_000,
    web_rate: int = 10_000,
    issuers: Mapping[str, IssuerSettings] | None = None,
    **served: Any,
) -> Iterator[tuple[Door, Store]]:
    """Serve two sources over HTTP, each with a token of its own."""
    store = Store.open(f"sqlite:///{folder / 'pushed.db'}", now=lambda: datetime.now(UTC))
    try:
        with store.transaction() as tx:
            tx.tokens.add(token(TOKEN, "entra"))
            tx.tokens.add(token(OTHER_TOKEN, "partners"))
        pushing = Pushing(store, now=lambda: datetime.now(UTC))
        pushed = Pushed(
            sources=frozenset({"entra", "partners"}),
            ask=pushing.ask,
            tokens=pushing.tokens,
            rate=rate,
            issuers=issuers or {},
        )
        with Door(settings(rate=web_rate), pushed=pushed, **served) as door:
            yield door, store
    finally:
        store.close()
