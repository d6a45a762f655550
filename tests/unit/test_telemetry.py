"""Logs: one chain for everybody, secrets never, personal data by rule."""

from __future__ import annotations

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from syncd import telemetry
from syncd.config.parts import LoggingSettings


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def configured(stream: io.StringIO | None = None, *, level: str | None = None, **settings: Any) -> io.StringIO:
    out = stream or io.StringIO()
    telemetry.configure(LoggingSettings.model_validate(settings), level=level, stream=out)
    return out


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_events_are_json_when_nobody_looks() -> None:
    out = configured()

    with telemetry.bound(run="r1", source="hr"):
        telemetry.get("syncd.engine").info("change.settled", change="c1", took_ms=12)

    line = lines(out)[0]
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "change.settled",
        "level": "info",
        "logger": "syncd.engine",
        "run": "r1",
        "source": "hr",
        "change": "c1",
        "took_ms": 12,
    }


def test_events_are_readable_on_a_terminal() -> None:
    out = configured(Terminal())

    telemetry.get("syncd").warning("source.silent", source="hr")

    assert "source.silent" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_loggers_of_libraries_go_through_the_same_chain() -> None:
    out = configured()

    with telemetry.bound(run="r1"):
        logging.getLogger("uvicorn.error").warning("user %s said token=abc", "li@example.com")

    line = lines(out)[0]
    assert (line["event"], line["logger"], line["run"]) == (
        "user [hidden] said token=[hidden]",
        "uvicorn.error",
        "r1",
    )


def test_warnings_of_python_are_logged() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)  # an earlier test may have left it on, and pytest takes its effect away
        out = configured()
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    assert "DeprecationWarning: old" in lines(out)[0]["event"]


@pytest.mark.parametrize("name", ["ldap3", "uvicorn.access", "aiohttp", "alembic.runtime.plugins"])
def test_talkative_libraries_are_heard_only_when_everything_is(name: str) -> None:
    quiet = configured()
    logging.getLogger(name).info("chatter")
    loud = configured(level="debug")
    logging.getLogger(name).info("chatter")

    assert (len(lines(quiet)), len(lines(loud))) == (0, 1)


def test_the_level_is_that_of_the_settings_unless_it_is_overruled() -> None:
    out = configured(level="error")
    telemetry.get("syncd").warning("unheard")
    telemetry.get("syncd").error("heard")

    assert [line["event"] for line in lines(out)] == ["heard"]


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "bind_password",
        "app_secret",
        "appSecret",
        "access_token",
        "x-acs-dingtalk-access-token",
        "Authorization",
        "api_key",
        "sign",
        "cookie",
    ],
)
def test_a_field_that_is_called_secret_is_never_written(key: str) -> None:
    shown = telemetry.Redaction(show_personal=True).seen(key, "swordfish")

    assert shown == "[hidden]"


@pytest.mark.parametrize(
    "text",
    [
        "GET https://oapi/user?access_token=swordfish&x=1",
        "Authorization: Bearer swordfish.x",
        "proxy http://user:swordfish@proxy:8080",
        '{"app_secret": "swordfish fish", "x": 1}',
        "password = 'swordfish fish'",
        "Basic swordfish==",
    ],
)
def test_a_secret_inside_a_text_is_never_written(text: str) -> None:
    shown = telemetry.Redaction(show_personal=True).text(text)

    assert "fish" not in shown
    assert "[hidden]" in shown


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "Li Wei"),
        ("display_name", "Li Wei"),
        ("label", "Li Wei"),
        ("mobile", "+86 138-0013-8000"),
        ("emails", ["li@example.com"]),
        ("seen", {"title": "CEO", "nested": [{"telephone": "12"}]}),
        ("event", "called 13800138000 and li@example.com and +62 812 3456 7890"),
    ],
)
def test_personal_data_is_written_only_where_the_rule_says_so(key: str, value: Any) -> None:
    hidden = json.dumps(telemetry.Redaction(show_personal=False).seen(key, value))
    shown = telemetry.Redaction(show_personal=True).seen(key, value)

    words = ("Wei", "138", "li@", "CEO", "12")
    assert [word for word in words if word in hidden] == []
    assert shown == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("subject", "person:01HZX"),
        ("run", "2026-11-22T01:02:03Z-7"),
        ("source", "hr"),
        ("count", 13800138000),
        ("event", "took 1763800000000 µs at 2026-11-22T01:30:00.123456Z"),
        ("name", None),
    ],
)
def test_what_operators_need_is_not_hidden(key: str, value: Any) -> None:
    assert telemetry.Redaction(show_personal=False).seen(key, value) == value


def test_a_traceback_shows_neither_secrets_nor_local_variables() -> None:
    out = configured(Terminal(), format="console")

    def inner(pin: str) -> None:
        raise ValueError(f"password={pin}")

    try:
        inner("".join(["sword", "fish"]))
    except ValueError:
        telemetry.get("syncd").exception("bad")

    assert "ValueError: password=[hidden]" in out.getvalue()
    assert "swordfish" not in out.getvalue()


def test_the_journal_gets_a_priority_with_each_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with os.fdopen(os.memfd_create("journal"), "w+") as stream:
        there = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        telemetry.configure(LoggingSettings(), stream=stream)
        telemetry.get("syncd").error("bad")
        telemetry.get("syncd").info("good")
        stream.flush()
        stream.seek(0)
        written = stream.read().splitlines()

    assert [line[:4] for line in written] == ["<3>{", "<6>{"]
