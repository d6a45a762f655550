"""From a message that is due to the words that people read: title, text, what to do, where to look, in their language.

The catalogues in `texts/` hold every word. Who is affected is named only where that is permitted. It decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.alerts.facts import DELIVERY
from syncd.alerts.rules import Rule
from syncd.alerts.state import Message
from syncd.config.durations import spelled
from syncd.config.yaml import read
from syncd.core.alerting import Case, Found, News, Note, Severity
from syncd.core.errors import Problem, foreign
from syncd.core.ports import Alert

TEXTS: Final = Path(str(files("syncd.alerts"))) / "texts"
LANGUAGES: Final = ("en", "zh_CN", "id")
SHOWN: Final = 10
"""How many of the people or things concerned are named."""
LOOK: Final[Mapping[str, tuple[str, str]]] = {
    "source.failing": ("syncd status --source {source}", "operate.md"),
    "source.stale": ("syncd status --source {source}", "operate.md"),
    "source.unproven": ("syncd status --source {source}", "operate.md"),
    "target.failing": ("syncd check --online", "dingtalk-app.md"),
    "target.quarantine": ("syncd status", "operate.md"),
    "target.circuit": ("syncd check --online", "dingtalk-app.md"),
    "target.drift": ("syncd drift list", "drift.md"),
    "change.failing": ("syncd queue list", "operate.md"),
    "change.parked": ("syncd queue list --state parked", "operate.md"),
    "people.misplaced": ("syncd plan --all", "outsiders-and-rights.md"),
    "people.undecided": ("syncd links review", "several-sources.md"),
    "leaver.late": ("syncd queue list", "operate.md"),
    "removal.unconfirmed": ("syncd status", "lifecycle.md"),
    "joiner.untold": ("syncd calendar", "lifecycle.md"),
    "guard.held": ("syncd hold show {hold}", "operate.md"),
    "queue.backlog": ("syncd queue list", "operate.md"),
    "queue.delay": ("syncd queue list", "operate.md"),
    "cycle.late": ("syncd status", "operate.md"),
    "audit.failing": ("syncd audit verify", "operate.md"),
    "config.failing": ("syncd check", "operate.md"),
    "disk.free": ("syncd status", "operate.md"),
    "expiring": ("syncd check --online", "operate.md"),
    "clock.jumped": ("timedatectl", "operate.md"),
    DELIVERY: ("syncd alerts test {channel}", "alerts.md"),
}
"""For each word of the vocabulary the command that shows more, and the page of docs/how-to."""
_INSTANTS: Final = ("until", "ends")
"""Words that hold an instant, which is said in the readers' time zone."""
_TELLING: Final = ("what", "do")
"""Words that say what is wrong with something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How alerts are worded."""

    language: str = "en"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    names: bool = False
    """Whether people and departments that are concerned are named."""
    docs: str = "docs"
    """Where the documentation is, an address or a folder."""

    def note(self, message: Message, *, now: datetime) -> Note:
        """Return the message as it goes out."""
        case = message.case
        return Note(
            id=message.id,
            channel=message.channel,
            case=case.key,
            episode=case.episode,
            news=message.news,
            alert=self.alert(message, now=now),
            created_at=now,
            due_at=message.due_at,
            first=message.first,
        )

    def alert(self, message: Message, *, now: datetime) -> Alert:
        """Return the words of a message."""
        case, rule, text = message.case, message.rule, catalogue(self.language)
        words = self._words(case.found[0])
        do = self._do(rule, words)
        severity = text["severity"][case.severity]
        title = text["news"][message.news].format(severity=severity, title=self.title(case, rule))
        look = self._look(case, rule, words)
        lines = [*self._lines(message, now), *([text["lines"]["do"].format(do=do)] if do else [])]
        lines += [text["lines"]["look"].format(look=each) for each in look]
        if message.news not in (News.RESOLVED, News.TEST):
            lines.append(text["lines"]["taken"].format(command=f"syncd alerts ack '{case.key}'"))
        return Alert(
            key=case.key,
            severity=case.severity,
            title=_one_line(title),
            text="\n".join(lines),
            since=case.since,
            resolved=message.news is News.RESOLVED,
            message=message.id,
            news=message.news,
            rule=case.rule,
            at=now,
            who=_named(case.found) if self.names else (),
            number=case.number,
            do=do,
            look=look,
        )

    def trial(self, *, now: datetime, resolved: bool = False) -> Alert:
        """Return the alert that shows whether somebody is heard, or its end."""
        text = catalogue(self.language)
        news = News.RESOLVED if resolved else News.TEST
        return Alert(
            key="syncd-test",
            severity=Severity.INFO,
            title=text["news"][news].format(title=text["lines"]["test_title"]),
            text=text["lines"]["test_text"],
            since=now,
            resolved=resolved,
            # Another one each time: who tries twice wants to read it twice.
            message=f"test-{int(now.timestamp() * 1000)}{'-over' if resolved else ''}",
            news=news,
            rule="test",
            at=now,
        )

    def unkept(self, problem: Problem | None, *, since: datetime, now: datetime, resolved: bool = False) -> Alert:
        """Return the alert that nothing can be kept, which is no case of any rule."""
        text = catalogue(self.language)
        lines, news = text["lines"], News.RESOLVED if resolved else News.OPENED
        why = [_one_line(lines["why"].format(what=problem.what, code=problem.code))] if problem else []
        begun = lines["over" if resolved else "since"].format(since=self._local(since), age=spelled(now - since))
        return Alert(
            key="database",
            severity=Severity.CRITICAL,
            title=text["news"][news].format(severity=text["severity"][Severity.CRITICAL], title=lines["unkept_title"]),
            text="\n".join([*why, begun, lines["do"].format(do=lines["unkept_do"])]),
            since=since,
            resolved=resolved,
            message=f"database-{int(since.timestamp() * 1000)}-{news}",
            news=news,
            rule="database",
            at=now,
            do=lines["unkept_do"],
        )

    def title(self, case: Case, rule: Rule | None) -> str:
        """Return a case in one line."""
        text = catalogue(self.language)
        title = self._title(case.found[0], rule, case.rule)
        more = len(case.found) - 1
        return text["lines"]["several"].format(title=title, more=more) if more else title

    def _title(self, found: Found, rule: Rule | None, name: str) -> str:
        if rule is None:
            return name
        template: str = rule.title or catalogue(self.language)["words"][rule.word.name]["title"]
        return _filled(template, self._words(found))

    def _do(self, rule: Rule | None, words: Mapping[str, str]) -> str:
        if rule is None:
            return ""
        template: str = rule.do or catalogue(self.language)["words"][rule.word.name]["do"]
        return " ".join(_filled(template, words).split())

    def _look(self, case: Case, rule: Rule | None, words: Mapping[str, str]) -> tuple[str, ...]:
        if rule is None:
            return (f"syncd alerts history '{case.key}'",)
        command, page = LOOK[rule.word.name]
        return (_filled(command, words), f"{self.docs}/how-to/{page}")

    def _lines(self, message: Message, now: datetime) -> Iterator[str]:
        case, text = message.case, catalogue(self.language)["lines"]
        words = self._words(case.found[0])
        if words.get("code"):
            yield _one_line(text["why"].format(what=words["what"], code=words["code"]))
        ended = message.news is News.RESOLVED
        age = spelled(max(now - case.since, timedelta(0)))
        yield text["over" if ended else "since"].format(since=self._local(case.since), age=age)
        others = case.found[1:]
        for found in others[: SHOWN - 1]:
            yield text["also"].format(title=self._title(found, message.rule, case.rule))
        if len(others) >= SHOWN:
            yield text["more"].format(more=len(others) - SHOWN + 1)
        if case.number:
            yield self._who(case, text)

    def _who(self, case: Case, text: Mapping[str, str]) -> str:
        names = _named(case.found) if self.names else ()
        if not names:
            return text["who_hidden"].format(number=case.number)
        more = case.number - len(names)
        form = text["who_more" if more > 0 else "who"]
        return form.format(number=case.number, who=", ".join(names), more=more)

    def _words(self, found: Found) -> dict[str, str]:
        """Return what fills the braces, instants in the readers' time zone.

        What is wrong with somebody's change may name them, so where names are hidden its code must do.
        """
        hidden = _TELLING if found.who and not self.names else ()
        return {
            name: "" if name in hidden else self._local(datetime.fromisoformat(value)) if name in _INSTANTS else value
            for name, value in found.words.items()
        }

    def _local(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M} ({self.zone.key})"


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """Return the words of a language."""
    return read(TEXTS / f"{language}.yaml").root


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Fill the braces; what is not known stays empty. Nothing but names is read in braces, whatever a rule's author writes."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], ""), template)


def _named(found: Sequence[Found]) -> tuple[str, ...]:
    return tuple(foreign(name) for one in found for name in one.who)[:SHOWN]


def _one_line(text: str) -> str:
    return " ".join(text.split())
