"""What the documentation says is so: links lead somewhere, commands can be typed, files, functions and tests exist."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import click
import pytest
from ruamel.yaml import YAML

from syncd.cli.root import root
from syncd.config.settings import PARTS, load

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    page
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("connectors/**/*.md"))
    if ".venv" not in page.parts
)
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`(syncd [a-z][^`]*)`")
_PLACE: Final = re.compile(r"`([\w./-]+\.(?:py|yaml|sh|md|toml|lock))(?:::(\w+))?`((?:,? `_?[A-Za-z]\w*`| \(`\w+`\))*)")
_ELSEWHERE: Final = ("http://", "https://", "mailto:")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", [pytest.param(page, id=name(page)) for page in PAGES])


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text(page)), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset("".join(c for c in each.lower() if c.isalnum() or c in " -_").replace(" ", "-") for each in plain)


def test_the_pages_that_newcomers_look_for_are_there() -> None:
    wanted = {"README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "docs/README.md", "docs/architecture.md"}
    assert wanted <= {name(page) for page in PAGES}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCED.sub("", text(page))):
        if link.startswith(_ELSEWHERE):
            continue
        path, _, anchor = link.partition("#")
        found = (page.parent / path) if path else page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            broken.append(link)
    assert not broken


@each_page
def test_no_page_names_a_folder_of_somebodys_machine(page: Path) -> None:
    assert not re.findall(r"(?<![\w.])/(?:home|root|tmp|work|Users)/[\w.-]+", text(page))


# --- commands -------------------------------------------------------------------------------------------------------


def commands(page: Path) -> Iterator[tuple[str, bool]]:
    """Yield each command line of syncd that a page shows, and whether it is shown to be typed or stands in a sentence."""
    for language, block in _FENCED.findall(text(page)):
        if language in ("console", "sh", "bash", "shell"):
            for line in block.replace("\\\n", " ").splitlines():
                typed = re.sub(r"^\s*\$ ", "", line).strip()
                if found := re.match(r"(?:sudo (?:-u \w+ )?)?(syncd(?: .*)?)$", typed):
                    yield found[1], True
    for found in _INLINE.finditer(_FENCED.sub("", text(page))):
        yield found[1], False


def parse(line: str, *, typed: bool = True) -> None:
    """Let click parse a command line without running it. Raises click's errors.

    `…`, a pipe or a redirection ends what is looked at. A sentence may leave out what a command needs: `syncd hold release`.
    """
    words = shlex.split(line, comments=True)[1:]
    typed = typed and not any("…" in word for word in words)
    words = ["anything" if "…" in word and words[at - 1].startswith("--") else word for at, word in enumerate(words)]
    stop = next((at for at, word in enumerate(words) if "…" in word or re.match(r"[|&<>]", word)), len(words))
    words = words[:stop]
    command: click.Command = root
    context = click.Context(root, info_name="syncd")
    while isinstance(command, click.Group):
        _, words, _ = command.make_parser(context).parse_args(words)
        if not words:
            return
        named, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=named, parent=context)
    try:
        command.parse_args(context, words)
    except click.exceptions.Exit:
        return  # --help
    except click.MissingParameter:
        if typed:
            raise
    except click.BadParameter as error:
        if not isinstance(error.param and error.param.type, click.Path | click.File):
            raise  # a file of an example need not be there


@each_page
def test_every_command_that_is_shown_can_be_typed(page: Path) -> None:
    wrong = []
    for line, typed in commands(page):
        try:
            parse(line, typed=typed)
        except click.ClickException as error:
            wrong.append(f"{line}: {error.format_message()}")
    assert not wrong


def test_a_command_that_cannot_be_typed_is_found() -> None:
    for line in (
        "syncd plam",
        "syncd plan --everybody",
        "syncd hold relase x",
        "syncd hold release x",
        "syncd plan now",
    ):
        with pytest.raises(click.ClickException):
            parse(line)
    parse("syncd --config other.yaml hold release leave-1a2b3c4d --reason why")


# --- configurations --------------------------------------------------------------------------------------------------


def configurations() -> Iterator[tuple[Path, str]]:
    """Yield each example of syncd.yaml, or of a part of it."""
    for page in PAGES:
        for language, block in _FENCED.findall(text(page)):
            if language == "yaml" and re.search(rf"^(?:{'|'.join(PARTS)}):", block, re.MULTILINE):
                yield page, textwrap.dedent(block)


EXAMPLES: Final = list(configurations())


@pytest.mark.parametrize(("page", "block"), EXAMPLES, ids=[f"{name(page)}-{n}" for n, (page, _) in enumerate(EXAMPLES)])
def test_every_configuration_that_is_shown_can_be_loaded(tmp_path: Path, page: Path, block: str) -> None:
    shipped = YAML(typ="safe", pure=True).load(text(ROOT / "syncd.yaml"))
    given = YAML(typ="safe", pure=True).load(block)
    assert set(given) <= set(PARTS)
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    with (tmp_path / "syncd.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump({**{part: shipped[part] for part in ("sources", "target")}, **given}, file)
    load(tmp_path / "syncd.yaml", env={})


# --- files, functions, tests ----------------------------------------------------------------------------------------


@cache
def defined(path: Path) -> frozenset[str]:
    """Return the names of functions, classes, methods and constants of a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return frozenset(names)


NAMING: Final = [ROOT / "docs/architecture.md", *sorted(ROOT.glob("docs/adr/*.md"))]


@pytest.mark.parametrize("page", [pytest.param(page, id=name(page)) for page in NAMING])
def test_every_file_and_name_that_the_architecture_speaks_of_exists(page: Path) -> None:
    missing = []
    for path, test, names in _PLACE.findall(text(page)):
        file = ROOT / path
        if "/" in path and not file.exists():
            missing.append(path)
        elif file.suffix == ".py" and "/" in path:
            wanted = {test, *re.findall(r"\w+", names)} - {""}
            missing += [f"{path}: {each}" for each in sorted(wanted - defined(file))]
    assert not missing


def test_every_promise_has_a_test() -> None:
    promises = text(ROOT / "docs/architecture.md").partition("\n## Promises\n")[2].partition("\n## ")[0]
    rows = [line for line in promises.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 12
    assert not [row for row in rows if not _PLACE.search(row) or "::test_" not in row]


def test_the_index_names_every_page_for_people() -> None:
    index = text(ROOT / "docs/README.md")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/[hr]*/*.md")]
    assert not [page for page in pages if f"({page})" not in index and f"({page}#" not in index]


def test_the_index_of_decisions_names_each_one() -> None:
    folder = ROOT / "docs/adr"
    index = text(folder / "README.md")
    assert not [page.name for page in folder.glob("0*.md") if f"({page.name})" not in index]
