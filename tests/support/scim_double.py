"""A SCIM service that deviates on demand, over real HTTP: what services in the wild do and a well-behaved one does not.

It knows as much of the protocol as a reader asks for: lists by index and by cursor, single resources, `meta.lastModified ge`.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

_SINCE = re.compile(r'meta\.lastModified ge "([^"]+)"')


@dataclass(slots=True, kw_only=True)
class Ways:
    """How the service deviates."""

    by_cursor_only: bool = False
    counts: bool = True
    lower_case: bool = False
    members_in_lists: bool = True
    ignores_start: bool = False
    heeds_time: bool = True
    page_limit: int = 100
    total_is_page: bool = False
    start_counts_from_zero: bool = False
    ends_with_400: bool = False
    selects_attributes: bool = True
    people_at: str = "Users"
    groups_at: str = "Groups"
    content_type: str = "application/scim+json"


@dataclass(slots=True, kw_only=True)
class ScimDouble:
    """The service; `before` is called before each answer and may answer itself by returning a status, headers and a body."""

    ways: Ways = field(default_factory=Ways)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    provider: dict[str, Any] | None = None
    before: Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes] | None] = lambda path, question: None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    authorizations: Counter[str] = field(default_factory=Counter)
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}/scim/v2"

    def __enter__(self) -> Self:
        double = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(double.answered(self.path, self.headers.get("authorization", "")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                found = double.before(urlsplit(self.path).path, dict(item.split("=", 1) for item in body.split("&")))
                self._answer(found or (404, {}, b"{}"))

            def date_time_string(self, timestamp: float | None = None) -> str:
                return double.now.strftime("%a, %d %b %Y %H:%M:%S GMT")

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _answer(self, found: tuple[int, dict[str, str], bytes]) -> None:
                status, headers, body = found
                self.send_response(status)
                for name, value in {"content-type": double.ways.content_type, **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    # --- who is there ---

    def add(self, native_id: str, **said: Any) -> None:
        """Add or change a person."""
        self._put(
            self.users, native_id, {"userName": f"login-{native_id}", "displayName": f"Contoh {native_id}", **said}
        )

    def add_group(self, native_id: str, *members: str) -> None:
        """Add or change a group."""
        self._put(self.groups, native_id, {"displayName": native_id, "members": [{"value": each} for each in members]})

    def _put(self, into: dict[str, dict[str, Any]], native_id: str, said: dict[str, Any]) -> None:
        at = self.now.isoformat().replace("+00:00", "Z")
        made = into[native_id]["meta"]["created"] if native_id in into else at
        into[native_id] = {"id": native_id, **said, "meta": {"created": made, "lastModified": at}}

    def pass_time(self, **much: float) -> None:
        """Let the service's clock go on."""
        self.now += timedelta(**much)

    # --- answers ---

    def answered(self, target: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        parts = urlsplit(target)
        path = unquote(parts.path.removeprefix("/scim/v2/"))
        question = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.asked.append((path, question))
        self.authorizations[authorization] += 1
        if (own := self.before(path, question)) is not None:
            return own
        kind, _, native_id = path.partition("/")
        if kind == "ServiceProviderConfig":
            return _json(200, self.provider) if self.provider is not None else _error(404)
        there = {self.ways.people_at: self.users, self.ways.groups_at: self.groups}.get(kind)
        if there is None:
            return _error(404)
        if native_id:
            return _json(200, there[native_id]) if native_id in there else _error(404)
        return self._list(there, question)

    def _list(self, there: dict[str, dict[str, Any]], question: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        ways = self.ways
        rows = list(there.values())
        since = _SINCE.search(question.get("filter", ""))
        if since and ways.heeds_time:
            rows = [row for row in rows if row["meta"]["lastModified"] >= since.group(1)]
        size = min(int(question.get("count", "100")), ways.page_limit)
        start = int(question.get("cursor") or 0) if ways.by_cursor_only else int(question.get("startIndex", "1")) - 1
        if ways.ignores_start:
            start = 0
        if ways.start_counts_from_zero:
            start += 1
        if ways.ends_with_400 and start and start >= len(rows):
            return _error(400, "invalidValue")
        shown = [self._shown(row, question) for row in rows[start : start + size]]
        answer: dict[str, Any] = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "Resources": shown}
        if ways.counts:
            answer["totalResults"] = len(shown) if ways.total_is_page else len(rows)
        if ways.by_cursor_only and start + size < len(rows):
            answer["nextCursor"] = str(start + size)
        if ways.lower_case:
            answer = {name.lower(): value for name, value in answer.items()}
        return _json(200, answer)

    def _shown(self, row: dict[str, Any], question: dict[str, str]) -> dict[str, Any]:
        if "attributes" in question and self.ways.selects_attributes:
            return {"id": row["id"]}
        return {name: value for name, value in row.items() if name != "members" or self.ways.members_in_lists}


def _json(status: int, body: object) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps(body, ensure_ascii=False).encode()


def _error(status: int, scim_type: str = "") -> tuple[int, dict[str, str], bytes]:
    schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"]
    return _json(status, {"schemas": schemas, "status": str(status), "scimType": scim_type, "detail": "no"})
