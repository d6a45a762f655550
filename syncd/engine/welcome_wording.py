"""What those read for whom a joiner will work, in their language. The catalogues in `welcome_texts/` hold every word.

Only what `joiners.say` permits is said of the joiner; the first day always is. It decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from syncd.config.yaml import read
from syncd.core.errors import foreign
from syncd.core.welcome import News

TEXTS: Final = Path(str(files("syncd.engine"))) / "welcome_texts"
LANGUAGES: Final = ("en", "zh_CN", "id")


class Letter(NamedTuple):
    """A title and a text."""

    title: str
    text: str


def letter(
    news: News, *, day: str, before: str = "", known: Mapping[str, str], say: Collection[str], language: str
) -> Letter:
    """Return what is read. `known` has what is known of the joiner (`name`, `title`, `department`), `say` what may be said."""
    words = catalogue(language)
    said = {name: foreign(known[name]) for name in say if known.get(name)}
    filling = {"who": said.get("name") or words["somebody"], "day": day, "before": before}
    text, lines = words["news"][news], words["lines"]
    body = [_filled(text["text"], filling)]
    if news is not News.OFF:
        body += [_filled(lines[name], {"value": said[name]}) for name in ("title", "department") if name in said]
        body.append(lines["ready"])
    return Letter(title=_filled(text["title"], filling), text="\n".join(body))


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """Return the words of a language."""
    return read(TEXTS / f"{language}.yaml").root


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Fill the braces. Whatever a name holds, nothing in it is taken for a brace."""
    return re.sub(r"\{(\w+)\}", lambda found: words[found[1]], template)
