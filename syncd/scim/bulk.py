"""Several operations in one request (RFC 7644 §3.7). It performs none itself, and knows no shelf: each goes the way of a request.

Each operation is done or refused as a whole, whatever becomes of the others. Whoever is to be made has an id before anything is
done, so that operations may name each other in any order, also in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec

from syncd.scim.errors import ScimError, bad_syntax, bad_value
from syncd.scim.names import child

if TYPE_CHECKING:
    from syncd.scim.service import Answer, Asked

MOST: Final = 500
"""Operations of one request: they share a transaction, and others wait for it."""
RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_REFERS: Final = "bulkId:"
_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PLACES: Final = frozenset({"users", "groups"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """One operation as it was sent; what is wrong with it is told in its place."""

    at: int
    method: str
    path: str
    bulk_id: str
    version: str
    data: Any
    refers: frozenset[str]
    """The bulkIds that it names."""
    wrong: ScimError | None


def performed(
    request: Mapping[str, Any], asked: Asked, perform: Callable[[Asked], Answer]
) -> tuple[dict[str, Any], bool]:
    """Return what is answered to a bulk request, and whether anything was changed. Raises ScimError for the whole of it."""
    operations, most = _read(request)
    ids = {one.bulk_id: str(uuid4()) for one in operations if one.method == "POST" and one.wrong is None}
    done: dict[int, dict[str, Any]] = {}
    failed: set[str] = set()
    errors, changed = 0, False
    for one in _ordered(operations):
        try:
            answer = perform(_as_request(one, asked, ids=ids, failed=failed))
            changed |= answer.changed
            done[one.at] = _told(one, answer, asked.base, ids)
        except ScimError as error:
            done[one.at] = _refused(one, error, asked.base)
            failed |= {one.bulk_id} if one.method == "POST" and one.wrong is None else set()
            errors += 1
            if most and errors >= most:
                break
    return {"schemas": [RESPONSE], "Operations": [done[at] for at in sorted(done)]}, changed


def _read(request: Mapping[str, Any]) -> tuple[list[_Operation], int]:
    """Return the operations, and after how many errors no more are done; 0: never."""
    several, most = child(dict(request), "Operations"), child(dict(request), "failOnErrors")
    if not isinstance(several, list) or not several:
        raise bad_syntax("there are no Operations")
    if len(several) > MOST:
        raise ScimError(413, f"A bulk request may have {MOST} operations.", "tooMany")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise bad_syntax("failOnErrors is no number above 0")
    used: set[str] = set()
    return [_operation(at, one, used) for at, one in enumerate(several)], most or 0


def _operation(at: int, given: Any, used: set[str]) -> _Operation:
    method, path, bulk_id, version = (_text(given, name) for name in ("method", "path", "bulkId", "version"))
    method, data = method.upper(), child(given, "data")
    wrong = None
    if method not in _METHODS:
        wrong = bad_syntax("an operation is neither POST nor PUT nor PATCH nor DELETE")
    elif method == "POST" and (not bulk_id or bulk_id in used):
        wrong = bad_syntax("a POST has a bulkId that no other has")
    elif not _is_place(method, path):
        wrong = bad_syntax("the path is none of a resource")
    used.add(bulk_id if method == "POST" else "")
    refers = frozenset(one[len(_REFERS) :] for one in (*_texts(data), *path.split("/")) if one.startswith(_REFERS))
    return _Operation(
        at=at, method=method, path=path, bulk_id=bulk_id, version=version, data=data, refers=refers, wrong=wrong
    )


def _text(given: Any, name: str) -> str:
    found = child(given, name)
    return found if isinstance(found, str) else ""


def _is_place(method: str, path: str) -> bool:
    first, *rest = path.strip("/").split("/")
    return first.lower() in _PLACES and len(rest) == (method != "POST") and rest != [".search"]


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts inside a value."""
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(one)


def _ordered(operations: Sequence[_Operation]) -> list[_Operation]:
    """Return operations in an order in which those that are named come first, as far as there is one; else in their own."""
    makers = {one.bulk_id: one for one in operations if one.method == "POST" and one.wrong is None}
    placed: dict[int, _Operation] = {}
    for first in operations:
        # Without recursion: a chain may be as long as a request.
        waiting, begun = [first], set[int]()
        while waiting:
            one = waiting[-1]
            needed = [makers[name] for name in sorted(one.refers) if name in makers]
            open_ = [other for other in needed if other.at not in placed and other.at not in begun]
            begun.add(one.at)
            if open_:
                waiting += open_
            else:
                placed.setdefault(waiting.pop().at, one)
    return list(placed.values())


def _as_request(one: _Operation, asked: Asked, *, ids: Mapping[str, str], failed: set[str]) -> Asked:
    """Return an operation as the request that it stands for. Raises ScimError where there is none."""
    if one.wrong is not None:
        raise one.wrong
    if any(name not in ids or name in failed for name in one.refers):
        raise bad_value("a bulkId is named that no operation has made")
    path = tuple(_resolved(part, ids) for part in one.path.strip("/").split("/"))
    body = b"" if one.method == "DELETE" else msgspec.json.encode(_resolved(one.data, ids))
    made = ids[one.bulk_id] if one.method == "POST" else ""
    return replace(asked, method=one.method, path=path, query={}, body=body, if_match=one.version, new_id=made)


def _resolved(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, ids) for one in value]
    return ids[value[len(_REFERS) :]] if isinstance(value, str) and value.startswith(_REFERS) else value


def _told(one: _Operation, answer: Answer, base: str, ids: Mapping[str, str]) -> dict[str, Any]:
    path = "/".join(_resolved(part, ids) for part in one.path.strip("/").split("/"))
    told = {**_named(one), "status": str(answer.status), "location": answer.headers.get("location", f"{base}/{path}")}
    return {**told, "version": answer.headers["etag"]} if "etag" in answer.headers else told


def _refused(one: _Operation, error: ScimError, base: str) -> dict[str, Any]:
    told = {**_named(one), "status": str(error.status), "response": error.body()}
    return told if one.method == "POST" or one.wrong else {**told, "location": f"{base}/{one.path.strip('/')}"}


def _named(one: _Operation) -> dict[str, Any]:
    return {"method": one.method, **({"bulkId": one.bulk_id} if one.bulk_id else {})}
