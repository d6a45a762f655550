"""The packaging lists agree with the shelf: a connector that one list forgets builds without a word and fails at its user's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from syncd.config.shipped import shipped

ROOT = Path(__file__).parents[2]
SHELF = {folder.parent.name for folder in ROOT.glob("connectors/*/__init__.py")}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_connector_is_in_the_wheel(project: dict[str, Any]) -> None:
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert {name.removeprefix("connectors/") for name in packages if name != "syncd"} == SHELF


def test_every_connector_is_found_by_an_entry_point(project: dict[str, Any]) -> None:
    groups = project["project"]["entry-points"]

    assert {value.split(":")[0].split(".")[0] for group in groups.values() for value in group.values()} == SHELF


def test_import_linter_watches_every_connector(project: dict[str, Any]) -> None:
    linter = project["tool"]["importlinter"]
    contracts = {contract["name"]: contract for contract in linter["contracts"]}

    assert set(linter["root_packages"]) - {"syncd"} == SHELF
    assert set(contracts["no connector knows another"]["modules"]) == SHELF
    assert set(contracts["the engine knows no connector"]["forbidden_modules"]) == SHELF
    assert set(contracts["connectors sit on core and furniture only"]["source_modules"]) == SHELF


def test_what_ships_beside_the_code_is_found(project: dict[str, Any]) -> None:
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]

    assert [shipped(name).exists() for name in included] == [True] * len(included)
    assert set(included.values()) == {f"syncd/_data/{name}" for name in included}
