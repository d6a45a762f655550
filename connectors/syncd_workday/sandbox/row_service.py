"""The sandbox's custom reports and queries over HTTP: who may ask, and what is answered."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from syncd_workday.sandbox import rows
from syncd_workday.sandbox.store import Facts, Worker

if TYPE_CHECKING:
    from syncd_workday.sandbox.service import Reply, Sandbox


def answered(sandbox: Sandbox, target: str, body: bytes, authorization: str) -> Reply | None:
    """Return the answer to a call for rows, None for another call."""
    split = urlsplit(target)
    said = {name: values[0] for name, values in parse_qs(split.query).items()}
    below = f"/ccx/service/customreport2/{sandbox.tenant}/"
    if split.path.startswith(below):
        basic = b64encode(f"{sandbox.user}:{sandbox.password}".encode()).decode()
        name = split.path.removeprefix(below)
        return _guarded(sandbox, f"report {name}", 1, authorization, {f"Basic {basic}"}) or _after(
            sandbox, f"report {name}", 1, _report(sandbox, name, said)
        )
    if split.path == f"/ccx/api/wql/v1/{sandbox.tenant}/data":
        limit, offset = int(said.get("limit", "20")), int(said.get("offset", "0"))
        page = offset // limit + 1
        # A password opens no REST.
        return _guarded(sandbox, "wql", page, authorization, set()) or _after(
            sandbox, "wql", page, _query(sandbox, json.loads(body)["query"], limit=limit, offset=offset)
        )
    return None


def _guarded(sandbox: Sandbox, task: str, page: int, authorization: str, allowed: set[str]) -> Reply | None:
    sandbox.asked.append((task, page))
    if (own := sandbox.quirks.before(task, page)) is not None:
        return own
    if authorization not in allowed and authorization.removeprefix("Bearer ") not in sandbox.tokens:
        return 401, rows.refused("invalid_token")
    if task in sandbox.quirks.not_granted:
        return 403, rows.refused("The task submitted is not authorized.")
    return None


def _after(sandbox: Sandbox, task: str, page: int, reply: Reply) -> Reply:
    sandbox.quirks.meanwhile(task, page)
    return reply


def _report(sandbox: Sandbox, name: str, prompts: dict[str, str]) -> Reply:
    how, store = sandbox.quirks.reporting, sandbox.store
    kind = sandbox.reports.get(name)
    if kind == "people" and how.required and how.required not in prompts:
        shown = how.required.replace("_", " ")
        return 400, rows.refused(f"Validation error occurred. Report parameter {shown} is required.")
    effective = date.fromisoformat(prompts.get("Effective_as_of_Date", store.now.date().isoformat()))
    people = [*_people(sandbox, effective)]
    if kind == "people":
        if since := prompts.get("Updated_From"):
            at = datetime.fromisoformat(since)
            people = [each for each in people if rows.changed_since(each[0], at, entered=store.now)]
        lines = [row for one, facts in people for row in rows.report_row(store, one, facts, how=how)]
    elif kind == "units":
        lines = [rows.unit_row(each) for each in _units(sandbox)]
    elif kind == "count":
        lines = [{"Total": str(len(people))}]
    else:
        return 404, b"<html><body>Not found</body></html>"
    return 200, rows.report(lines, how=how)


def _query(sandbox: Sandbox, query: str, *, limit: int, offset: int) -> Reply:
    store = sandbox.store
    if " allWorkers" in query:
        people = [*_people(sandbox, store.now.date())]
        # No snapshot: whoever was changed last stands last.
        people.sort(key=lambda pair: pair[0].events[-1].entered)
        there = [rows.query_row(store, one, facts) for one, facts in people]
    elif " topLevelOrganizationsAndSubordinates" in query:
        there = [rows.query_unit(each) for each in _units(sandbox)]
    else:
        return 400, rows.refused("invalid query: no such data source")
    found = rows.selected(query, there)
    if found is None:
        return 400, rows.refused("invalid query")
    shown = found[offset : offset + min(limit, sandbox.quirks.most_rows)]
    return 200, json.dumps({"total": len(found), "data": shown}, ensure_ascii=False).encode()


def _people(sandbox: Sandbox, effective: date) -> Iterator[tuple[Worker, Facts]]:
    limits = sandbox.quirks.constrained_to
    for one in sandbox.store.workers.values():
        facts = one.facts(entered=sandbox.store.now, effective=effective)
        if facts is not None and (limits is None or facts.organization in limits):
            yield one, facts


def _units(sandbox: Sandbox) -> Iterator[Any]:
    for each in sandbox.store.organizations.values():
        if each.type == "SUPERVISORY" and not each.inactive:
            yield each
