"""Requests to the SCIM endpoint that nobody in their right mind sends, as bytes on the line. One seed gives the same always."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from support.scim_push import USER, E

_WORDS: Final = (
    *("userName", "active", "members", "emails", "manager", "name", "schemas", "id", "meta", "groups", "value", "type"),
    *("op", "path", "Operations", "primary", "externalId", "displayName", "password", "roles", "$ref", "USERNAME"),
    *("bulkId", "method", "data", "failOnErrors", "sortBy", "filter", "attributes", "startIndex", "count", "cursor"),
    *(E, USER, f"{E}:manager", f"{E}.manager", "urn:x:y", "urn:x:y:z", "name.familyName", "a.b.c", "", ".", "urn:"),
    *("é", "\u212a", "\u202e", "__proto__", "__class__", "\ud800", "members.value", "meta.lastModified"),
    *('emails[type eq "work"].value', 'members[value eq "x"]', "emails[", "]", "emails[type pr]", "title[a eq 1]"),
    *('emails[primary eq "True"].primary', "emails[not (type eq 1)].x", "members[value eq true]", "emails[]"),
)
_FILTERS: Final = (
    *("eq", "ne", "and", "or", "not", "(", ")", "[", "]", "pr", "co", "sw", "gt", "le", "EQ", "Not("),
    *('"x"', "true", "null", "1e999", "NaN", '"\\ud800"', '"\\u0000"', '"', "\\", "userName", "USERNAME", "id"),
    *("members.value", "members", "meta.lastModified", "emails", "groups", '"2020-01-01T00:00:00Z"', "-", "9" * 400),
    *("urn:a:b:c", f"{E}:department", "\x00", "'", "' OR 1=1 --", "%", "emails[type", "x" * 500, "é", "\u202e"),
)
_SINGLE: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 10**30, 1e308, "", "x", "True", "False", "\x00", "\u202e", "x" * 3000, "\ud800"),
    *(float("nan"), float("inf"), "ayu", "members", [], {}, [[]], [{}], {"value": "x"}, [{"value": "x"}], [None]),
    *({"value": {"value": 1}}, '{"a": 1}', "bulkId:x", "9" * 400),
)
_BODIES: Final = (
    *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"a":' * 3000, b"[" * 9000),
    *(b'"\\ud800"', b"1" * 5000, b'{"userName":"a","userName":"b"}', b'{"userName":NaN}', b'{"userName":1e999}'),
    *(b'{"userName":"\xff"}', b"\x1f\x8b\x08\x00", b"<User/>", b"userName=ayu", b'{"Operations":' + b"[{}," * 2000),
    *(b'{"schemas":' + b'["x",' * 30 + b'"x"' + b"]" * 30 + b',"userName":"deep"}',),
)
_METHODS: Final = (*("GET",) * 12, *("POST",) * 16, *("PUT",) * 10, *("PATCH",) * 18, "DELETE")
_STRANGE: Final = ("HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "CONNECT", "LINK", "M-SEARCH")
_TYPES: Final = (
    *("application/scim+json", "application/json", "application/scim+json; charset=utf-16", "text/html", "", "/"),
    *("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "x" * 500, "\xe9", "application/xml"),
)
_TAGS: Final = ("*", 'W/"1"', '"1"', "x", "W/", ",,,", '"' * 300, "\xff", 'W/"99999999999999999999"')
_HOSTS: Final = ("syncd.example.com", "", "a b", "evil/../x", "[::1]", "x" * 300, 'h"><script>')
_BROKEN: Final = (
    b"GET /scim/v2/entra/Users\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET  /scim/v2/entra/Users HTTP/9.9\r\n\r\n",
    b"POST /scim/v2/entra/Users HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
    b"POST /scim/v2/entra/Users HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\nabcdefghi",
    b"POST /scim/v2/entra/Users HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /scim/v2/entra/Users HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /scim/v2/entra/Users HTTP/1.1\r\nhost x\r\n: y\r\n\r\n",
    b"G\x00T /scim/v2/entra/Users HTTP/1.1\r\n\r\n",
    b"GET /scim/v2/entra/Users HTTP/1.1\r\nx: " + b"y" * 40_000 + b"\r\n\r\n",
)
"""What is no HTTP: it may be answered or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One request on the line."""

    sent: bytes
    whole: bool = True
    """Whether it is HTTP to its end, so that an answer in SCIM's words is due."""
    head: bool = False
    """Whether the answer has no body."""


class Monkey:
    """Makes requests up, with one provider's token and ids, also of whom that provider may not see."""

    def __init__(self, seed: int, *, token: str, other: str, ids: Sequence[str]) -> None:
        self.dice = random.Random(seed)
        self._token, self._other, self._ids = token, other, [*ids]

    def learn(self, id_: str) -> None:
        """Know one more id, instead of another one."""
        self._ids[self.dice.randrange(len(self._ids))] = id_

    def request(self) -> Wire:
        """Return the next one."""
        dice = self.dice
        chance = dice.random()
        if chance < 0.02:
            return Wire(sent=dice.choice(_BROKEN), whole=False)
        body = b"" if dice.random() < 0.2 else self._body()
        if chance < 0.04:  # half of it, and gone
            sent = self._head("POST", self._path("POST"), [("content-length", str(len(body) + 9))]) + body
            return Wire(sent=sent[: dice.randrange(1, len(sent))], whole=False)
        method = dice.choice(_METHODS if dice.random() < 0.95 else _STRANGE)
        if chance < 0.12:
            chunks = self._chunked(body)
            return self._wire(
                method, self._head(method, self._path(method), [("transfer-encoding", "chunked")]) + chunks
            )
        if chance < 0.124:
            # Refused before it was read: the answer may be lost on the way when the connection is closed.
            body = b'{"userName":"' + b"x" * 1_050_000 + b'"}'
            sent = self._head(method, self._path(method), [("content-length", str(len(body)))]) + body
            return Wire(sent=sent, whole=False)
        return self._wire(method, self._head(method, self._path(method), [("content-length", str(len(body)))]) + body)

    def _wire(self, method: str, sent: bytes) -> Wire:
        return Wire(sent=sent, head=method == "HEAD", whole=method not in ("get", "CONNECT"))

    # -- the head ------------------------------------------------------------------------------------------------------

    def _head(self, method: str, path: str, more: list[tuple[str, str]]) -> bytes:
        dice = self.dice
        told = [("host", "127.0.0.1" if dice.random() < 0.97 else dice.choice(_HOSTS)), *self._shown(), *more]
        for name, values, chance in (
            ("content-type", _TYPES, 0.5),
            ("accept", _TYPES, 0.2),
            ("if-match", _TAGS, 0.1),
            ("if-none-match", _TAGS, 0.1),
            ("content-encoding", ("gzip", "br"), 0.02),
            ("x-forwarded-for", ("::1", "x"), 0.05),
            ("x-http-method-override", ("DELETE",), 0.02),
        ):
            if dice.random() < chance:
                told.append((name, dice.choice(values)))
        dice.shuffle(told)
        lines = "".join(f"{name}: {value}\r\n" for name, value in told)
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")

    def _shown(self) -> list[tuple[str, str]]:
        """Return the headers that show a token: nearly always the right one."""
        dice = self.dice
        if dice.random() < 0.95:
            return [("authorization", f"Bearer {self._token}")]
        wrong = (
            *(
                "",
                "Bearer",
                "Bearer ",
                "Basic YTpi",
                "Bearer \xff\xfe",
                f"Bearer {self._token[:-1]}",
                "Bearer " + "x" * 9000,
            ),
            *(
                f"Bearer {self._token} {self._other}",
                f"Token {self._token}",
                "Bearer a.b.c",
                "Bearer eyJhbGciOiJub25lIn0.e30.",
            ),
        )
        return [("authorization", dice.choice(wrong)) for _ in range(dice.choice((0, 1, 1, 1, 2)))]

    def _path(self, method: str) -> str:
        dice = self.dice
        chance = dice.random()
        if chance < 0.05:
            return dice.choice(self._places())
        place = dice.choice(("Users", "Users", "Groups", "users"))
        if chance < 0.15:
            place = dice.choice(("Schemas", "Me", "ResourceTypes", "ServiceProviderConfig", "x", ".search", "Bulk"))
            rest = dice.choice(("", "", f"/{dice.choice(self._ids)}", "/.search", "/%00", "/a/b", "/" + "x" * 999))
        elif method == "POST":
            place, rest = dice.choice(((place, ""), (place, ""), (place, "/.search"), ("Bulk", "")))
        elif method == "GET":
            rest = dice.choice(("", f"/{dice.choice(self._ids)}"))
        else:
            rest = f"/{dice.choice(self._ids)}"
        return f"/scim/v2/entra/{place}{rest}{self._query()}"

    def _places(self) -> Sequence[str]:
        theirs = quote(self.dice.choice(self._ids))
        return (
            f"/scim/v2/partners/Users/{theirs}",
            f"/scim/v2/entra/../partners/Users/{theirs}",
            f"/scim/v2/entra/..%2fpartners%2fUsers/{theirs}",
            f"/scim/v2/entra/Users/%2e%2e/%2e%2e/partners/Users/{theirs}",
            f"/scim/v2/entra%2f../partners/Users/{theirs}",
            f"/scim/v2/ENTRA/Users/{theirs}",
            "/scim/v2/entra",
            "/scim/v2/entra//Users//",
            "/scim/v2/entra/Users/%zz%",
            "/scim/v2/entra/%ff%fe",
            "/scim/v2/entra/" + "a/" * 2000,
            "/scim/v2/%00",
            "/scim/v2/entra/Users;x=y",
            "/scim/v2/entra/Users?%ff=%zz&=&&&filter",
        )

    def _query(self) -> str:
        dice = self.dice
        words = " ".join(dice.choice(_FILTERS) for _ in range(dice.randrange(1, 8)))
        many = " and ".join(["userName pr"] * 300)
        query: dict[str, tuple[str, float]] = {
            "filter": (
                words if dice.random() < 0.95 else dice.choice((many, "(" * 300, "not(" * 100, "x" * 5000)),
                0.3,
            ),
            "attributes": (dice.choice(_WORDS), 0.1),
            "excludedAttributes": (dice.choice(_WORDS), 0.1),
            "count": (dice.choice(("5", "-9", "x", "9" * 40, "1000", "\u0665")), 0.2),
            "startIndex": (dice.choice(("0", "-1", "2", "9" * 17, "9" * 40, "1.5")), 0.1),
            "cursor": (dice.choice(("", "9", "x", "9" * 18, "-1")), 0.05),
            "sortBy": (dice.choice(_WORDS), 0.1),
            "sortOrder": (dice.choice(("descending", "up", "")), 0.1),
        }
        chosen = [
            f"{name}={quote(value, errors='replace')}"
            for name, (value, chance) in query.items()
            if dice.random() < chance
        ]
        return "?" + "&".join(chosen) if chosen else ""

    # -- the body ------------------------------------------------------------------------------------------------------

    def _body(self) -> bytes:
        dice = self.dice
        chance = dice.random()
        if chance < 0.08:
            return dice.choice(_BODIES)
        if chance < 0.45:
            document: Any = {"Operations": [self._operation() for _ in range(dice.randrange(1, 4))]}
        elif chance < 0.5:
            document = {dice.choice(_WORDS): self._value() for _ in range(4)}
        else:
            document = self._resource()
        return json.dumps(document).encode()

    def _operation(self) -> Any:
        dice = self.dice
        made = {"op": dice.choice(("add", "Replace", "remove", "move", "ADD")), "value": self._value()}
        if dice.random() < 0.4:
            word, value = dice.choice(
                (("title", "x"), ("active", "False"), ("members", [{"value": dice.choice(self._ids)}]))
            )
            return {"op": "Replace", "path": word, "value": value}
        if dice.random() < 0.8:
            made["path"] = dice.choice(_WORDS)
        if dice.random() < 0.2:
            made |= {
                "method": dice.choice(_METHODS),
                "path": f"/Users/{dice.choice(self._ids)}",
                "data": self._resource(),
            }
            made["bulkId"] = self._value(3)
        return made if dice.random() < 0.95 else self._value()

    def _resource(self) -> Any:
        dice = self.dice
        if dice.random() < 0.4:  # nothing is wrong with this one
            members = [{"value": one} for one in dice.choices(self._ids, k=3)]
            name = f"name {dice.randrange(60)}"
            return {"userName": name, "displayName": name, "active": dice.random() < 0.5, "members": members}
        made = {dice.choice(_WORDS): self._value() for _ in range(dice.randrange(5))}
        if dice.random() < 0.7:
            made |= {"userName": f"name {dice.randrange(200)}", "displayName": f"name {dice.randrange(50)}"}
        return made

    def _value(self, depth: int = 0) -> Any:
        dice = self.dice
        if depth > 3 or dice.random() < 0.5:
            return dice.choice((*_SINGLE, dice.choice(self._ids)))
        if dice.random() < 0.5:
            return [self._value(depth + 1) for _ in range(dice.randrange(3))]
        return {dice.choice(_WORDS): self._value(depth + 1) for _ in range(dice.randrange(4))}

    def _chunked(self, body: bytes) -> bytes:
        size = self.dice.choice((1, 7, 1000)) if len(body) < 500 else 1000
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
