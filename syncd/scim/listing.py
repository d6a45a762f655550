"""Lists: filtered, by index or by cursor (RFC 7644 §3.4.2, RFC 9865). They always answer, also of nobody.

What providers look somebody up by (userName, externalId, id, displayName of groups) is found by an index; any other filter is
asked of everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from syncd.core.pushed import Kept, Shelf, Sort
from syncd.scim import filters
from syncd.scim.errors import ScimError, bad_value
from syncd.scim.filters import Filter
from syncd.scim.limits import MOST_RESULTS, PAGE
from syncd.scim.names import LIST, NAME
from syncd.scim.rendering import View


def listed(query: Mapping[str, str], base: str, shelf: Shelf, sort: Sort) -> dict[str, Any]:
    """Return the list that a query asks for. Raises ScimError."""
    low = {name.lower(): value for name, value in query.items()}
    view = View.asked(query, base)
    count = min(max(_number(low, "count", PAGE), 0), MOST_RESULTS)
    wanted = filters.parsed(low["filter"]) if low.get("filter") else None
    if "cursor" in low:
        return _by_cursor(low["cursor"], count, wanted, view=view, shelf=shelf, sort=sort)
    start = max(_number(low, "startindex", 1), 1)
    if wanted is None:
        total = shelf.count(sort)
        rows = shelf.page(sort, skip=start - 1, limit=count) if count else []
    else:
        found = list(_fitting(shelf, sort, wanted, view))
        total, rows = len(found), found[start - 1 : start - 1 + count]
    return {**_page(total, view, shelf, rows), "startIndex": start}


def _by_cursor(text: str, count: int, wanted: Filter | None, *, view: View, shelf: Shelf, sort: Sort) -> dict[str, Any]:
    """Return those whose serials come after the cursor's: nobody slips between pages, whoever is deleted meanwhile."""
    if text and not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ScimError(400, "The cursor is none of ours.", "invalidCursor")
    after = int(text or 0)
    if wanted is None:
        total, rows = shelf.count(sort), shelf.page(sort, after=after, limit=count + 1)
    else:
        found = list(_fitting(shelf, sort, wanted, view))
        total, rows = len(found), list(islice((one for one in found if one.serial > after), count + 1))
    shown = rows[:count]
    page = _page(total, view, shelf, shown)
    return {**page, "nextCursor": str(shown[-1].serial)} if shown and len(rows) > count else page


def _page(total: int, view: View, shelf: Shelf, rows: list[Kept]) -> dict[str, Any]:
    resources = view.several(shelf, rows)
    return {"schemas": [LIST], "totalResults": total, "itemsPerPage": len(resources), "Resources": resources}


def _fitting(shelf: Shelf, sort: Sort, wanted: Filter, view: View) -> Iterable[Kept]:
    """Yield those who fit a filter, in the order of their serials."""
    members = sort is Sort.GROUP and filters.mentions(wanted, "members")
    groups = sort is Sort.USER and filters.mentions(wanted, "groups")
    for kept in _candidates(shelf, sort, wanted):
        inside = shelf.members([kept.id]).get(kept.id, ()) if members else ()
        outside = shelf.groups([kept.id]).get(kept.id, ()) if groups else ()
        if filters.fits(wanted, {**msgspec.json.decode(kept.body), **view.added(kept, inside, outside)}):
            yield kept


def _candidates(shelf: Shelf, sort: Sort, wanted: Filter) -> Iterable[Kept]:
    """Return everybody who can fit."""
    for one in filters.alone(wanted):
        if one.operator != "eq" or not isinstance(one.value, str) or one.at.schema or one.at.part:
            continue
        if one.at.name == NAME[sort]:
            return _some(shelf.named(sort, one.value.casefold()))
        if one.at.name == "id":
            return _some(shelf.get(sort, one.value))
        if one.at.name == "externalId":
            return shelf.external(sort, one.value)
    # Gathered first: members are asked for while the answer is read.
    return list(shelf.all(sort))


def _some(kept: Kept | None) -> list[Kept]:
    return [] if kept is None else [kept]


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    if len(text) > 18 or not text.removeprefix("-").isdecimal() or not text.isascii():
        raise bad_value(f"{name} is no number")
    return int(text)
