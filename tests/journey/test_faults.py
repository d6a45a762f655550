"""Whatever the platform does to us, each kind at 20 %: the end state is the desired one, no limit is broken, nothing doubled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from examples.generate import company
from support.installation import Installation, doubled
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

PEOPLE = 25
QPS = 100
KINDS = (
    "timeout_before",
    "timeout_after",
    "reset_before",
    "reset_after",
    "http_500_before",
    "http_500_after",
    "http_503_before",
    "throttle",
    "global_throttle",
    "busy_before",
    "busy_after",
    "expired_token",
    "html_before",
    "malformed",
    "slow",
)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The tenant that a calm platform ends with."""
    os.environ["SANDBOX_SECRET"] = "sandbox-secret"
    with SandboxServer(SandboxSettings(qps=None, seed=11)) as server:
        calm = Installation(tmp_path_factory.mktemp("calm"), server.url, company(PEOPLE))
        calm.cycles(2)
        yield calm.tenant()
    del os.environ["SANDBOX_SECRET"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_faults_of_one_kind_at_twenty_percent_change_nothing_in_the_end(
    tmp_path: Path, wanted: dict[str, Any], kind: str
) -> None:
    with SandboxServer(SandboxSettings(qps=QPS, seed=11)) as server:
        one = Installation(tmp_path, server.url, company(PEOPLE), qps=QPS, timeout=0.5)
        one.control("faults", [{"kind": kind, "interface": "/topapi/*", "probability": 0.2, "seconds": 0.2}])

        rough = one.cycles(4)
        one.control("faults", method="DELETE")
        last = one.cycles(5, later=timedelta(hours=1), fresh=True)[-1]

        assert one.tenant() == wanted
        assert last.reconciliation.plan.changes == ()
        assert last.queue.parked == 0
        assert doubled(one.applied()) == {}
        assert any(call["fault"] for call in one.control("calls")["calls"])
        assert any(cycle.tally.done for cycle in rough)
        assert [row for row in one.control("windows") if row["exceeded"]] == []
