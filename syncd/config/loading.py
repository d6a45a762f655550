"""Reading `syncd.yaml`: file and environment, connectors' models, then what only the whole can tell. All mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from syncd.config.environment import merged, overrides
from syncd.config.parts import JoinSettings, WordSettings
from syncd.config.problems import of_validation, place_of
from syncd.config.settings import PARTS, Settings, secrets_of
from syncd.config.yaml import Document, did_you_mean, read
from syncd.core.attributes import PERSON
from syncd.core.belief import OF
from syncd.core.errors import Misconfigured, Place, Problem, foreign, message
from syncd.core.matching import attributes_of
from syncd.plugins import Group
from syncd.plugins import load as load_plugin

SYSTEM_WIDE: Final = Path("/etc/syncd/syncd.yaml")
_SPEAKABLE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Two underscores would part the levels of an environment variable, which knows no capitals either."""

_SHARED: Final = {
    Group.SOURCES: ("rules",),
    Group.TARGETS: ("rules",),
    Group.CONSUMERS: (),
    Group.TRIGGERS: (),
    Group.SINKS: ("severities",),
}
"""What an entry has besides its type that is not the connector's own."""

_NONE_FOUND: Final = message(
    "CFG-030",
    what="There is no configuration: neither {tried}.",
    do="Name one with --config or SYNCD_CONFIG, or write one with `syncd init DIR`.",
    example="cd / && syncd check",
)
_NO_RULES: Final = message(
    "CFG-031",
    what="There is no rule file {file}.{similar}",
    do="Correct the path (relative paths start at the folder of syncd.yaml), or copy one with `syncd init DIR`.",
    example="target: {type: dingtalk, rules: mapings/dingtalk.yaml}",
)
_NO_ATTRIBUTE: Final = message(
    "CFG-032",
    what="A person has no attribute '{name}'.{similar}",
    do="Use a name of docs/reference/attributes.md, such as employeeNumber or emails.work.",
    example="join: {correlate: [employee_number]}",
)
_NO_SOURCE: Final = message(
    "CFG-033",
    what="There is no source '{name}'.{similar}",
    do="The sources are: {known}.",
    example="join: {precedence: {title: [workdai]}}",
)
_TWICE: Final = message(
    "CFG-069",
    what="The source '{name}' stands twice for one attribute.",
    do="Keep one of them. Whose terms do not hold is asked after all others anyway.",
    example="join: {precedence: {title: [{source: hr, max_age: 7d}, ad, hr]}}",
)
_SOURCE_NAME: Final = message(
    "CFG-034",
    what="'{name}' cannot be the name of a {one}.",
    do="Use small letters, digits and single underscores, beginning with a letter: environment variables, logs and the audit "
    "log name the source so.",
    example="sources: {HR-System: {type: table}}",
)


def loaded(path: Path | None, env: Mapping[str, str]) -> Settings:
    """Return the checked settings. Raises Misconfigured."""
    document = read(path or _found(env))
    given = overrides(env, PARTS)
    reading = _Reading(
        document=document,
        variables=given.names,
        context={"base": document.path.resolve().parent, "env": env},
        problems=list(given.problems),
    )
    settings = reading.settings(merged(document.root, given.values))
    if settings is None or reading.problems:
        raise Misconfigured(sorted(reading.problems, key=lambda each: (each.place.line, each.place.column)))
    for loc, secret in secrets_of(settings):
        secret.place = place_of(loc, document, given.names)
    return settings.read_from(document.path)


def _found(env: Mapping[str, str]) -> Path:
    if named := env.get("SYNCD_CONFIG"):
        return Path(named)
    here = Path("syncd.yaml")
    for each in (here, SYSTEM_WIDE):
        if each.exists():
            return each
    raise Misconfigured([_NONE_FOUND.at(tried=f"$SYNCD_CONFIG nor ./{here} nor {SYSTEM_WIDE}")])


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One reading of one file: what is known about places, and the problems so far."""

    document: Document
    variables: Mapping[tuple[str, ...], str]
    context: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)

    def place(self, *loc: str | int, key: bool = False) -> Place:
        return place_of(loc, self.document, self.variables, key=key)

    def settings(self, raw: dict[str, Any]) -> Settings | None:
        """Validate everything; None if the problems say why not."""
        ready = {"state": {}, **raw}  # given, so that its default path starts at the folder of syncd.yaml, too
        if isinstance(raw.get("target"), Mapping):
            ready["target"] = self.entry(raw["target"], Group.TARGETS, ("target",))
        parts = (("sources", Group.SOURCES), ("consumers", Group.CONSUMERS), ("triggers", Group.TRIGGERS))
        for part, group in parts:
            if isinstance(entries := raw.get(part), Mapping):
                ready[part] = {
                    name: self.entry(entry, group, (part, name)) if isinstance(entry, Mapping) else entry
                    for name, entry in entries.items()
                }
        if isinstance(alerts := raw.get("alerts"), Mapping):
            ready["alerts"] = self.alerts(alerts)
        self.names(raw)
        try:
            return Settings.model_validate(ready, context=dict(self.context))
        except ValidationError as error:
            self.problems += of_validation(error, self.document, model=Settings, variables=self.variables)
            return None

    def entry(self, raw: Mapping[str, Any], group: Group, at: tuple[str, ...]) -> dict[str, Any]:
        """Return a connector's entry with its own settings validated by its model."""
        common = {name: raw[name] for name in ("type", *_SHARED[group]) if name in raw}
        own = {name: value for name, value in raw.items() if name not in common}
        ready: dict[str, Any] = {**common, "settings": None}
        if isinstance(common.get("rules"), str):
            self.rules(common["rules"], self.place(*at, "rules"))
        if not isinstance(raw.get("type"), str) or not raw["type"]:
            return ready
        try:
            ready["plugin"] = plugin = load_plugin(group, raw["type"], place=self.place(*at, "type"))
        except Misconfigured as error:
            self.problems += error.problems
            return ready
        model: type[BaseModel] = plugin.settings
        try:
            ready["settings"] = model.model_validate(own, context=dict(self.context))
        except ValidationError as error:
            self.problems += of_validation(error, self.document, at=at, model=model, variables=self.variables)
        return ready

    def alerts(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part `alerts` with its channels' own settings validated."""
        if isinstance(raw.get("rules"), str):
            self.rules(raw["rules"], self.place("alerts", "rules"))
        if not isinstance(channels := raw.get("channels"), Mapping):
            return dict(raw)
        at = ("alerts", "channels")
        ready = {
            name: self.entry(entry, Group.SINKS, (*at, name)) if isinstance(entry, Mapping) else entry
            for name, entry in channels.items()
        }
        return {**raw, "channels": ready}

    def rules(self, written: str, place: Place) -> None:
        path = Path(self.context["base"]) / written
        if not path.is_file():
            there = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
            words = {"file": foreign(str(path)), "similar": did_you_mean(path.name, there)}
            self.problems.append(_NO_RULES.at(place, **words))

    def names(self, raw: Mapping[str, Any]) -> None:
        """Check the names that refer to something else, and those of connectors; forms are checked elsewhere."""
        sources = [*raw["sources"]] if isinstance(raw.get("sources"), Mapping) else []
        consumers = [*raw["consumers"]] if isinstance(raw.get("consumers"), Mapping) else []
        triggers = [*raw["triggers"]] if isinstance(raw.get("triggers"), Mapping) else []
        alerts = raw["alerts"] if isinstance(raw.get("alerts"), Mapping) else {}
        channels = [*alerts["channels"]] if isinstance(alerts.get("channels"), Mapping) else []
        given = {
            ("sources",): sources,
            ("consumers",): consumers,
            ("triggers",): triggers,
            ("alerts", "channels"): channels,
        }
        for part, names in given.items():
            for name in names:
                if not _SPEAKABLE.fullmatch(name):
                    place, one = self.place(*part, name, key=True), part[-1].removesuffix("s")
                    self.problems.append(_SOURCE_NAME.at(place, one=one, name=foreign(name)))
        self._webhooks(raw.get("web"), sources)
        try:
            join = JoinSettings.model_validate(raw.get("join", {}))
        except ValidationError:
            return
        for setting, texts in (("correlate", join.correlate), ("suggest", join.suggest)):
            for index, text in enumerate(texts):
                self._step(text, self.place("join", setting, index))
        for source, own in join.correlate_by_source.items():
            self._source(source, sources, self.place("join", "correlate_by_source", source, key=True))
            for index, text in enumerate(own):
                self._step(text, self.place("join", "correlate_by_source", source, index))
        for attribute, order in join.precedence.items():
            self._attribute(attribute, self.place("join", "precedence", attribute, key=True))
            for index, word in enumerate(order):
                self._word(word, sources, ("join", "precedence", attribute, index))
            self._once(attribute, [word.source for word in order])

    def _word(self, word: WordSettings, sources: Sequence[str], at: tuple[str | int, ...]) -> None:
        """Check the source that is believed, and what has to be said for it."""
        self._source(word.source, sources, self.place(*at, "source"))
        for key in word.when:
            place = self.place(*at, "when", key, key=True)
            speaker, colon, attribute = key.rpartition(OF)
            if colon:
                self._source(speaker, sources, place)
            self._attribute(attribute, place)

    def _once(self, attribute: str, names: Sequence[str]) -> None:
        for index, name in enumerate(names):
            if name in names[:index]:
                self.problems.append(_TWICE.at(self.place("join", "precedence", attribute, index), name=foreign(name)))

    def _webhooks(self, web: Any, sources: Sequence[str]) -> None:
        """Check which sources senders of webhooks may wake, and issuers open."""
        senders = web.get("webhooks") if isinstance(web, Mapping) else None
        for sender, entry in (senders if isinstance(senders, Mapping) else {}).items():
            named = entry.get("sources") if isinstance(entry, Mapping) else None
            for index, name in enumerate(named if isinstance(named, list) else ()):
                if isinstance(name, str):
                    self._source(name, sources, self.place("web", "webhooks", sender, "sources", index))

        scim = web.get("scim") if isinstance(web, Mapping) else None
        issuers = scim.get("issuers") if isinstance(scim, Mapping) else None
        for name in issuers if isinstance(issuers, Mapping) else ():
            self._source(str(name), sources, self.place("web", "scim", "issuers", name, key=True))

    def _step(self, text: str, place: Place) -> None:
        """Check the attributes that must agree together."""
        for name in attributes_of(text):
            self._attribute(name, place)

    def _attribute(self, name: str, place: Place) -> None:
        if name not in PERSON and not name.startswith("extra."):
            self.problems.append(_NO_ATTRIBUTE.at(place, name=foreign(name), similar=did_you_mean(name, PERSON)))

    def _source(self, name: str, sources: Sequence[str], place: Place) -> None:
        if name not in sources:
            words = {"similar": did_you_mean(name, sources), "known": ", ".join(sources)}
            self.problems.append(_NO_SOURCE.at(place, name=foreign(name), **words))
