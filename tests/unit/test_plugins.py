"""Connectors of strangers: found by entry point, listed without importing, and refused in one clear line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd import plugins
from syncd.core.errors import Misconfigured, Place
from syncd.plugins import Group

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package `stranger` 1.2 with one source of the given name and text, and an extra `lab`."""

    def made(name: str, text: str) -> None:
        home = tmp_path / "stranger-1.2.dist-info"
        home.mkdir(exist_ok=True)
        (home / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: stranger\nVersion: 1.2\nProvides-Extra: lab\n"
            'Requires-Dist: Rare_Library>=2; extra == "lab"\n',
            encoding="utf-8",
        )
        (home / "entry_points.txt").write_text(f"[syncd.sources]\n{name} = stranger_{name}:Source\n", encoding="utf-8")
        (tmp_path / f"stranger_{name}.py").write_text(text, encoding="utf-8")
        plugins._points.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield made
    plugins._points.cache_clear()


def refused(name: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        plugins.load(Group.SOURCES, name, place=Place(file="syncd.yaml", line=3, column=11))
    return str(caught.value)


def test_the_connectors_of_syncd_are_listed() -> None:
    found = {(plugin.group, plugin.name, plugin.distribution) for plugin in plugins.listed()}

    assert {
        (Group.SOURCES, "active_directory", "syncd"),
        (Group.SOURCES, "ldap", "syncd"),
        (Group.SOURCES, "table", "syncd"),
        (Group.TARGETS, "dingtalk", "syncd"),
        (Group.SANDBOXES, "dingtalk", "syncd"),
    } <= found


def test_listing_imports_nothing(install: Install) -> None:
    install("lazy", "raise RuntimeError('imported')\n")

    plugin = next(each for each in plugins.listed() if each.name == "lazy")

    assert (plugin.distribution, plugin.version, plugin.value) == ("stranger", "1.2", "stranger_lazy:Source")
    assert "stranger_lazy" not in sys.modules


def test_a_strangers_source_is_loaded_by_its_name(install: Install) -> None:
    install("good", "class Source:\n    settings = attributes = read = check = None\n")

    assert plugins.load(Group.SOURCES, "good").__module__ == "stranger_good"


def test_an_unknown_type_names_the_known_ones() -> None:
    text = refused("tabel")

    assert text.startswith("syncd.yaml:3:11: There is no source of type 'tabel'. Did you mean 'table'?")
    assert "active_directory" in text
    assert "[PLG-001]" in text


def test_a_missing_library_names_the_extra_that_brings_it(install: Install) -> None:
    install("extra", "import rare_library\n")

    text = refused("extra")

    assert "needs the library 'rare_library'" in text
    assert "pip install 'stranger[lab]'" in text
    assert "[PLG-002]" in text


def test_a_missing_library_that_no_extra_brings_is_named_itself(install: Install) -> None:
    install("bare", "import unheard_of.inner\n")

    assert "pip install unheard_of" in refused("bare")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("syntax", "def\n", "SyntaxError"),
        ("nothing", "", "AttributeError"),
        ("raising", "raise ValueError('no')\n", "ValueError: no"),
        ("renamed", "from syncd.core.model import Nobody\n", "ImportError"),
        ("torn", "import stranger_torn.inner\n", "ModuleNotFoundError"),
    ],
)
def test_a_broken_connector_says_whose_it_is(install: Install, name: str, text: str, why: str) -> None:
    install(name, text)

    told = refused(name)

    assert f"The source '{name}' of stranger cannot be loaded: {why}" in told
    assert "[PLG-003]" in told


def test_a_class_without_the_socket_is_refused(install: Install) -> None:
    install("hollow", "class Source:\n    settings = read = None\n")

    told = refused("hollow")

    assert "lacks what a source must have: attributes, check" in told
    assert "[PLG-004]" in told
