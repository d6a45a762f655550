"""A provider that pushes people by SCIM 2.0 over one connection that stays open, as providers do: for benchmarks only."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, Final

_USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
_WORK: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Provider:
    """Pushes example people to one source."""

    def __init__(self, address: str, source: str, token: str) -> None:
        self._line = http.client.HTTPConnection(address, timeout=60)
        self._path = f"/scim/v2/{source}/Users"
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
        self._ids: list[str] = []

    def push(self, people: int) -> None:
        """Push so many new people."""
        for number in range(people):
            made = self._ask("POST", self._path, _person(number))
            self._ids.append(str(made["id"]))

    def change(self, number: int, title: str) -> None:
        """Give somebody another title; returns when that was answered."""
        what = {"op": "replace", "path": "title", "value": title}
        self._ask(
            "PATCH", f"{self._path}/{self._ids[number % len(self._ids)]}", {"schemas": [_PATCH], "Operations": [what]}
        )

    def _ask(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        self._line.request(method, path, json.dumps(body), self._headers)
        answer = self._line.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} was answered with {answer.status}: {said[:500]!r}")
        return json.loads(said)


def _person(number: int) -> dict[str, Any]:
    return {
        "schemas": [_USER, _WORK],
        "externalId": f"e{number}",
        "userName": f"user{number:04}@example.com",
        "displayName": f"Example Person {number}",
        "active": True,
        "title": "Engineer",
        "emails": [{"type": "work", "value": f"user{number:04}@example.com", "primary": True}],
        "phoneNumbers": [{"type": "mobile", "value": f"+86138{number:08}"}],
        _WORK: {"employeeNumber": f"{number:06}", "department": f"Team {number % 50}"},
    }
