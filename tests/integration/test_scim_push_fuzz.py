"""The endpoint under requests that nobody in their right mind sends: never a 5xx, never a trace, never anybody else's people.

`SCIM_FUZZ=50000` makes it long (`make fuzz`); in the gate it is short, and always the same.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from support.scim_push import E, Provider, opened
from syncd.scim.service import Asked, answered

REQUESTS: Final = int(os.environ.get("SCIM_FUZZ", "1500"))
_WORDS: Final = (
    *("userName", "active", "members", "emails", "manager", "name", "schemas", "id", "meta", "groups", "value", "type"),
    *("op", "path", "Operations", "primary", "externalId", "displayName", "password", "roles", "$ref", "USERNAME"),
    *(E, f"{E}:manager", f"{E}.manager", "urn:x:y", "urn:x:y:z", "name.familyName", "a.b.c", "", ".", "urn:", "é"),
    *('emails[type eq "work"].value', 'members[value eq "x"]', "emails[", "]", "emails[type pr]", "title[a eq 1]"),
)
_FILTERS: Final = (
    *(
        "eq",
        "and",
        "or",
        "not",
        "(",
        ")",
        "[",
        "]",
        "pr",
        "co",
        "gt",
        '"x"',
        "true",
        "null",
        "1e999",
        '"\\ud800"',
        "userName",
    ),
    *(
        "members.value",
        "meta.lastModified",
        "emails",
        "groups",
        '"2020-01-01T00:00:00Z"',
        "-",
        "urn:a:b:c",
        "\x00",
        "'",
    ),
)
_SINGLE: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        10**30,
        1e308,
        "",
        "x",
        "True",
        "False",
        "\x00",
        "\u202e",
        "x" * 3000,
        "ayu",
        "members",
    ),
    *([], {}, [[]], [{}], {"value": "x"}, [{"value": "x"}], [None], {"value": {"value": 1}}, '{"a": 1}'),
)


class _Monkey:
    """Makes requests up."""

    def __init__(self, seed: int, ids: list[str]) -> None:
        self.dice = random.Random(seed)
        self.ids = ids

    def value(self, depth: int = 0) -> Any:
        dice = self.dice
        if depth > 3 or dice.random() < 0.5:
            return dice.choice((*_SINGLE, dice.choice(self.ids)))
        if dice.random() < 0.5:
            return [self.value(depth + 1) for _ in range(dice.randrange(3))]
        return {dice.choice(_WORDS): self.value(depth + 1) for _ in range(dice.randrange(4))}

    def operation(self) -> Any:
        dice = self.dice
        made = {"op": dice.choice(("add", "Replace", "remove", "move")), "value": self.value()}
        if dice.random() < 0.8:
            made["path"] = dice.choice(_WORDS)
        return made if dice.random() < 0.95 else self.value()

    def body(self) -> bytes:
        dice = self.dice
        if dice.random() < 0.05:
            return dice.choice(
                (b"", b"{", b"[" * 5000, b"\xff\xfe", b'{"a":' * 3000, b'"\\ud800"', b"null", b"1" * 5000)
            )
        if dice.random() < 0.5:
            document: Any = {"Operations": [self.operation() for _ in range(dice.randrange(1, 4))]}
        else:
            document = self.user()
        return json.dumps(document).encode()

    def user(self) -> Any:
        made = {self.dice.choice(_WORDS): self.value() for _ in range(self.dice.randrange(5))}
        return (
            {**made, "userName": _name(self.dice), "displayName": _name(self.dice)}
            if self.dice.random() < 0.7
            else made
        )

    def asked(self) -> Asked:
        dice = self.dice
        place = dice.choice(
            ("Users", "Groups", "users", "Schemas", "Me", "Bulk", "ServiceProviderConfig", "..", "\x00")
        )
        rest = dice.choice(((), (dice.choice(self.ids),), (".search",), ("\x00",), ("a", "b"), ("x" * 999,)))
        words = " ".join(dice.choice(_FILTERS) for _ in range(dice.randrange(1, 8)))
        query = {
            "filter": words,
            "attributes": dice.choice(_WORDS),
            "count": dice.choice(("5", "-9", "x", "9" * 40)),
            "cursor": "9",
        }
        chosen = {name: value for name, value in query.items() if dice.random() < 0.4}
        method = dice.choice(("GET", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD"))
        tag = dice.choice(("", "", "", "*", 'W/"1"', "\x00"))
        return Asked(method=method, path=(place, *rest), base="", query=chosen, body=self.body(), if_match=tag)


def _name(dice: random.Random) -> str:
    return f"name {dice.randrange(200)}"


def test_whatever_is_sent_is_answered_and_shows_nobody_of_another_provider(tmp_path: Path) -> None:
    mark = secrets.token_hex(12)
    with opened(tmp_path) as store:
        others = Provider(store, "partners")
        theirs = [others.user(f"{mark}-{number}", displayName=mark) for number in range(5)]
        theirs.append(others.group(mark, theirs[:3]))
        before = [others.get(f"Users/{one}").body for one in theirs[:5]]
        mine = Provider(store)
        ids = [*(mine.user(f"mine{number}") for number in range(5)), mine.group("mine"), *theirs]
        monkey, worst = _Monkey(1, ids), 0
        tracemalloc.start()
        for number in range(REQUESTS):
            asked = monkey.asked()
            with store.transaction() as tx:
                answer = answered(asked, tx.pushed.shelf("entra", at=datetime.now(UTC)))
            assert answer.status < 500 or answer.status == 501, (number, asked)
            assert mark.encode() not in answer.body, (number, asked)
            assert b"Traceback" not in answer.body
            if number == REQUESTS // 3:
                worst = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - worst
        tracemalloc.stop()
        assert [others.get(f"Users/{one}").body for one in theirs[:5]] == before
        assert others.count() == 5
    assert grown < 4 * 1024 * 1024, "what is held does not grow with the requests"
