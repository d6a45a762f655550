"""Whatever the platform does to us, each kind at 20 %: the end state is the desired one, no limit is broken, nothing doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.generate import company
from support.installation import Installation, doubled
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

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


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_faults_of_one_kind_at_twenty_percent_change_nothing_in_the_end(tmp_path: Path, kind: str) -> None:
    settings = SandboxSettings(qps=100, seed=11)
    with SandboxServer(settings) as calm, SandboxServer(settings) as rough:
        wanted = Installation(tmp_path / "calm", calm.url, company(30), qps=None)
        one = Installation(tmp_path / "rough", rough.url, company(30), qps=100, timeout=1)
        wanted.run("sync", "--accept")
        one.control("faults", [{"kind": kind, "interface": "/topapi/*", "probability": 0.2, "seconds": 0.2}])

        for _ in range(30):
            document = one.json("sync", "--accept", codes=(0, 4, 6, 7))
            if document.get("planned") == 0 and not document["queue"]["ready"]:
                break

        one.control("faults", [], method="PUT")
        one.json("sync", "--accept", codes=(0, 4))
        assert one.tenant() == wanted.tenant()
        assert one.json("sync", "--fresh")["planned"] == 0
        assert doubled(one.applied()) == {}
        windows = one.control("windows")
        assert [row for row in windows if row["exceeded"]] == [], windows
