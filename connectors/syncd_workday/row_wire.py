"""Reports and queries over HTTP: signs in, asks, tells an answer from a page of somebody else. It only ever reads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from syncd.core.errors import NeedsHuman, TryAgain, foreign
from syncd.http import Answer, AnswerLost
from syncd_workday import messages
from syncd_workday.signed_in import SignedIn
from syncd_workday.streamed import RowsIn, RowTooLong
from syncd_workday.threads import beside

_AT_ONCE: Final = 256 * 1024
"""Bytes of a report that are cut into rows together, beside the loop."""
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_TOO_MUCH: Final = re.compile(r"\b2 ?GB\b|\b30 minutes\b|maximum (?:size|time)", re.IGNORECASE)
"""Words with which Workday ends a report at its limits. Recalled."""


class RowWire(SignedIn):
    """The service, open between `__aenter__` and `__aexit__`, as reports and answers to queries."""

    async def report(self, name: str, prompts: Mapping[str, str], taking: Callable[[list[bytes]], None]) -> None:
        """Read a report, handing on its rows as they come, in a thread. Raises `TryAgain`, `AnswerLost` or `NeedsHuman`.

        When this returns, the report was there to its end; rows that came before it raises prove nothing.
        """
        reading = _Reading(self, task=f"the report {name}", taking=taking)
        address = f"{self._settings.base}/ccx/service/customreport2/{self._settings.tenant}/{quote(name, safe='/')}"
        query = urlencode(
            {_prompt(each): value for each, value in prompts.items()} | {"format": "json"}, quote_via=quote
        )
        await self._renewing(lambda: reading.read(f"{address}?{query}"))

    async def query(self, text: str, *, limit: int, offset: int) -> tuple[int, list[bytes]]:
        """Return how many rows a query has, and some of them. Raises as `report` does."""
        task = "the data of queries (WQL)"
        answer = await self._renewing(lambda: self._queried(text, limit=limit, offset=offset))
        if answer.status != 200:
            raise self.unfit(answer, task=task)
        try:
            found = msgspec.json.decode(answer.content, type=_Page)
        except msgspec.DecodeError:
            raise self.no_rows(answer.content, task=task, whole=False) from None
        return found.total, [bytes(each) for each in found.data]

    async def send(self, url: str, **more: Any) -> Answer:
        """Ask for rows. Raises `NeedsHuman` (WDY-004) for a sign-in that is refused."""
        headers = {"accept": "application/json", **await self._sign_in.header(self._client)}
        method = "POST" if "json" in more else "GET"
        answer = await self._client.send(method, url, headers=headers, **more)
        if answer.status == 401:
            raise NeedsHuman(messages.UNAUTHENTICATED.at(host=self.host))
        return answer

    def limits(self) -> tuple[float, int]:
        """Return the seconds and the bytes that a report may take."""
        report = self._settings.report
        assert report is not None, "the settings fit their way"
        return report.timeout.total_seconds(), report.most_bytes

    async def _queried(self, text: str, *, limit: int, offset: int) -> Answer:
        address = f"{self._settings.base}/ccx/api/wql/v1/{self._settings.tenant}/data?limit={limit}&offset={offset}"
        return await self.send(address, json={"query": text})

    def unfit(self, answer: Answer, *, task: str) -> Exception:
        """Return what to raise for an answer that is no success."""
        status, said = answer.status, _said(answer.content)
        if _TOO_MUCH.search(said):
            return NeedsHuman(messages.TOO_LARGE.at(task=task, why="Workday has ended it"))
        if status == 403:
            return NeedsHuman(messages.NOT_GRANTED.at(host=self.host, task=task))
        if status == 404:
            return NeedsHuman(messages.NO_REPORT.at(host=self.host, task=task))
        if status in (408, 425, 429) or status >= 500:
            return TryAgain(messages.BUSY.at(host=self.host, why=f"status {status}"))
        if 300 <= status < 400:
            return NeedsHuman(messages.NOT_WORKDAY.at(host=self.host, task=task, why="it sends us elsewhere"))
        detail = foreign(_QUOTED.sub("'…'", said)) or f"status {status}"
        return NeedsHuman(messages.TOLD_NO.at(host=self.host, task=task, detail=detail))

    def no_rows(self, start: bytes, *, task: str, whole: bool) -> Exception:
        """Return what to raise for a success without rows: a page of somebody else, an error, or the half of an answer."""
        begins = start.lstrip()[:200].lower()
        if b"<html" in begins or b"<!doctype" in begins:
            # A login or a maintenance page arrives with 200, too. Trying again tells both in time.
            return TryAgain(messages.NOT_WORKDAY.at(host=self.host, task=task, why="a web page"))
        if whole and _said(start):
            return self.unfit(Answer(status=400, headers={}, content=start), task=task)
        if begins.startswith(b"{") and not whole:
            return TryAgain(messages.NOT_WORKDAY.at(host=self.host, task=task, why="an answer that was cut off"))
        return NeedsHuman(messages.NOT_WORKDAY.at(host=self.host, task=task, why="no rows"))


class _Page(msgspec.Struct):
    total: int
    data: list[msgspec.Raw]


class _Reading:
    """One call for one report."""

    def __init__(self, wire: RowWire, *, task: str, taking: Callable[[list[bytes]], None]) -> None:
        self._wire = wire
        self._task = task
        self._taking = taking
        self._seconds, self._most = wire.limits()

    async def read(self, url: str) -> None:
        self._rows, self._size, self._pieces = RowsIn("Report_Entry"), 0, bytearray()
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._seconds
        try:
            answer = await self._wire.send(url, timeout=timedelta(seconds=self._seconds), taking=self._take)
        except AnswerLost:
            if clock() < ends_at:
                raise
            # Asking for the same again would take as long again.
            why = f"it was not there after {self._seconds:g} s"
            raise NeedsHuman(messages.TOO_LARGE.at(task=self._task, why=why)) from None
        if answer.status != 200:
            raise self._wire.unfit(answer, task=self._task)
        await self._cut()
        if not self._rows.whole or (not self._rows.found and _said(self._rows.start)):
            raise self._wire.no_rows(self._rows.start, task=self._task, whole=self._rows.whole)

    async def _take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._most:
            raise NeedsHuman(messages.TOO_LARGE.at(task=self._task, why=f"more than {self._most} bytes"))
        self._pieces += piece
        if len(self._pieces) >= _AT_ONCE:
            await self._cut()

    async def _cut(self) -> None:
        pieces, self._pieces = bytes(self._pieces), bytearray()
        try:
            await beside(lambda: self._taking(self._rows.feed(pieces)))
        except RowTooLong:
            raise NeedsHuman(messages.TOO_LARGE.at(task=self._task, why="one row alone has no end")) from None
        except msgspec.DecodeError:
            raise TryAgain(
                messages.NOT_WORKDAY.at(host=self._wire.host, task=self._task, why="a row that is no JSON")
            ) from None


def _prompt(name: str) -> str:
    """Return how a prompt is named in an address: spaces become underscores."""
    return name.replace(" ", "_")


def _said(content: bytes) -> str:
    """Return the words of an error, empty for what is none. Recalled for REST: `{error, errors: [{error}]}`."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if not isinstance(found, dict):
        return ""
    several = found.get("errors")
    words = [found.get("error"), *(each.get("error") for each in several or () if isinstance(each, dict))]
    return "; ".join(dict.fromkeys(each for each in words if isinstance(each, str) and each))
