"""The sandbox's control surface for tests: edits by hand, faults of events, connections; and waiting for a condition."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

PATIENCE = 120.0
"""Seconds that a condition may take on a slow machine; it is met in milliseconds."""


def control(url: str, method: str, call: str, /, **body: Any) -> Any:
    """Make one control call and return its answer."""
    data = json.dumps(body).encode() if body or method != "GET" else None
    request = urllib.request.Request(
        f"{url}/_sandbox/{call}", data, {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read() or b"null")


def by_hand(url: str, what: str, /, **fields: Any) -> Any:
    """Edit something as an administrator does in the console: `user/update`, `department/create`, …"""
    return control(url, "POST", f"admin/{what}", **fields)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition holds and return what it returned; fail with `what` if it never does."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"never came to pass: {what}")
        time.sleep(0.01)
    return found
