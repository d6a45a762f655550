"""What managers read says the same in every language, says nothing that it may not, and takes names for names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from syncd.config.joiners import JoinerSettings
from syncd.core.welcome import News
from syncd.engine.welcome_wording import LANGUAGES, TEXTS, catalogue, letter

KNOWN = {"name": "Budi Example", "title": "Buyer", "department": "Purchasing"}


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(item, f"{path}.{key}")
    else:
        yield path, str(value)


def braces(language: str) -> dict[str, set[str]]:
    return {path: set(re.findall(r"\{(\w+)\}", text)) for path, text in texts(catalogue(language))}


def test_every_language_has_the_same_words_in_braces() -> None:
    assert {file.stem for file in TEXTS.glob("*.yaml")} == set(LANGUAGES)
    assert [braces(language) for language in LANGUAGES] == [braces("en")] * len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("news", News)
def test_every_language_has_every_news_and_can_be_chosen(language: str, news: News) -> None:
    read = letter(news, day="2026-12-02", before="2026-12-01", known=KNOWN, say=KNOWN, language=language)

    assert "Budi Example" in read.title
    assert "2026-12-02" in read.title
    assert ("Buyer" in read.text, "Purchasing" in read.text) == (news is not News.OFF,) * 2
    assert JoinerSettings.model_validate({"language": language}).language == language


def test_what_may_not_be_said_is_not_said() -> None:
    read = letter(News.COMES, day="2026-12-02", known=KNOWN, say=(), language="en")

    assert [word for word in KNOWN.values() if word in f"{read.title} {read.text}"] == []
    assert read.title == "A new colleague starts on 2026-12-02"


def test_a_name_is_never_taken_for_a_brace_and_stays_on_its_line() -> None:
    read = letter(News.COMES, day="2026-12-02", known={"name": "{day}\nExample"}, say=("name",), language="en")

    assert read.title == "{day} Example starts on 2026-12-02"
