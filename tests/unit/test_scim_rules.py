"""The rules for SCIM, pulled and pushed: one meaning in two files, because `syncd init` gives each type of source its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.mapping import load_inbound
from syncd.mapping.cases import run_cases
from syncd_scim import Scim, ScimPush

MAPPINGS = Path(__file__).parents[2] / "mappings"


def _said(path: Path) -> list[str]:
    """Return what a file says, without comments that fill a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.lstrip().startswith("#")]


@pytest.mark.parametrize("folder", [MAPPINGS, MAPPINGS / "cases"], ids=["rules", "cases"])
def test_what_is_pushed_means_what_is_pulled(folder: Path) -> None:
    assert _said(folder / "scim_push.yaml") == _said(folder / "scim.yaml")


@pytest.mark.parametrize("name", ["scim", "scim_push"])
def test_the_shipped_rules_of_scim_pass_their_cases(name: str) -> None:
    source: type[Scim] | type[ScimPush] = Scim if name == "scim" else ScimPush
    now = datetime(2026, 11, 22, tzinfo=UTC)
    rules = load_inbound(MAPPINGS / f"{name}.yaml", source=name, attributes=source.attributes, now=lambda: now)
    results = run_cases(rules, MAPPINGS / "cases" / f"{name}.yaml")
    assert len(results) == 5
    assert not [str(each) for each in results if not each.passed]
