"""Calls are counted by host and by what came of them, and nothing else of an address is kept."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from support.web import well
from syncd import http
from syncd.http import AnswerLost, HttpSettings, open_client
from syncd.web import metrics
from syncd.web.metrics import Counts, Metrics


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    fresh: Counter[tuple[str, str]] = Counter()
    monkeypatch.setattr(http, "CALLS", fresh)
    monkeypatch.setattr(metrics, "CALLS", fresh)
    return fresh


def answer(request: httpx.Request) -> httpx.Response:
    match request.url.path:
        case "/lost":
            raise httpx.ReadError("gone")
        case path:
            return httpx.Response(int(path[1:]))


async def ask(*paths: str) -> None:
    async with open_client(HttpSettings(), transport=httpx.MockTransport(answer)) as client:
        for path in paths:
            await client.send("GET", f"https://api.example.com{path}?access_token=hush-hush")


def test_answers_are_counted_by_status_and_lost_ones_as_lost(calls: Counter[tuple[str, str]]) -> None:
    asyncio.run(ask("/200", "/200", "/503"))
    with pytest.raises(AnswerLost):
        asyncio.run(ask("/lost"))
    assert calls == {
        ("api.example.com", "200"): 2,
        ("api.example.com", "503"): 1,
        ("api.example.com", "lost"): 1,
    }
    page, _ = Metrics(Counts()).render(well(), ready=True)
    assert b'syncd_calls_total{host="api.example.com",outcome="200"} 2.0' in page
    assert b"hush" not in page
