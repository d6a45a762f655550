"""Secrets: found where they are kept, named in errors, and never shown."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from syncd.config.secrets import OMIT_SECRETS, Secret
from syncd.core.errors import Misconfigured

SWORDFISH = "swordfish-4711"


class Door(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    password: Secret


def door(value: Any, *, base: Path | None = None, env: dict[str, str] | None = None) -> Secret:
    return Door.model_validate({"password": value}, context={"base": base, "env": env or {}}).password


def test_text_is_the_secret_itself() -> None:
    assert door(SWORDFISH).reveal() == SWORDFISH


def test_a_variable_is_read_when_the_secret_is_needed() -> None:
    env: dict[str, str] = {"OTHER": "x"}
    secret = door({"env": "DOOR"}, env=env)

    env["DOOR"] = SWORDFISH

    assert secret.reveal() == SWORDFISH


def test_a_file_is_read_each_time_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "door.txt").write_text("first\r\n", encoding="utf-8")
    secret = door({"file": "door.txt"}, base=tmp_path)
    first = secret.reveal()

    (tmp_path / "door.txt").write_text(f" {SWORDFISH}\n", encoding="utf-8")

    assert (first, secret.reveal()) == ("first", f" {SWORDFISH}")


def test_a_credential_comes_from_the_directory_that_systemd_names(tmp_path: Path) -> None:
    (tmp_path / "door").write_text(SWORDFISH, encoding="utf-8")

    assert door({"credential": "door"}, env={"CREDENTIALS_DIRECTORY": str(tmp_path)}).reveal() == SWORDFISH


@pytest.mark.parametrize(
    ("reference", "content", "code"),
    [
        ({"env": "NOT_THERE"}, None, "ENV-002"),
        ({"env": "NOTHING"}, None, "ENV-003"),
        ({"file": "door.txt"}, b"\n", "ENV-003"),
        ({"file": "other.txt"}, None, "ENV-004"),
        ({"credential": "door"}, None, "ENV-005"),
        ({"file": "door.txt"}, b"\xff\xfe\x00", "ENV-006"),
        ({"file": "door.txt"}, b"a\x00b", "ENV-006"),
        ({"file": "door.txt"}, b"x" * 70_000, "ENV-006"),
    ],
)
def test_a_secret_that_cannot_be_fetched_is_named_by_its_reference(
    tmp_path: Path, reference: dict[str, str], content: bytes | None, code: str
) -> None:
    if content is not None:
        (tmp_path / "door.txt").write_bytes(content)
    secret = door(reference, base=tmp_path, env={"NOTHING": ""})

    with pytest.raises(Misconfigured) as caught:
        secret.reveal()

    problem = caught.value.problems[0]
    assert (problem.code, next(iter(reference.values())) in problem.what) == (code, True)


@pytest.mark.parametrize(
    "wrong",
    [
        12345,
        "",
        None,
        [],
        {},
        {"envv": SWORDFISH},
        {"env": ""},
        {"env": 5},
        {"env": "A", "file": "B"},
        {"credential": "../shadow"},
    ],
)
def test_another_form_is_refused_without_repeating_it(wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        door(wrong)

    found = caught.value.errors()[0]
    assert (found["type"], SWORDFISH in found["msg"]) == ("ENV-001", False)


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    model = Door.model_validate({"password": SWORDFISH})
    shown = [repr(model), str(model.password), f"{model.password}", model.model_dump_json(), repr(model.model_dump())]

    assert [text for text in shown if SWORDFISH in text] == []
    with pytest.raises(TypeError):
        pickle.dumps(model.password)
    with pytest.raises(TypeError):
        copy.copy(model.password)


def test_a_dump_keeps_references_unless_secrets_are_left_out() -> None:
    model = Door.model_validate({"password": {"env": "DOOR"}})

    assert model.model_dump(mode="json") == {"password": {"env": "DOOR"}}
    assert model.model_dump(mode="json", context=OMIT_SECRETS) == {"password": None}


def test_secrets_are_equal_if_they_are_kept_in_the_same_place() -> None:
    assert len({door({"env": "A"}), door({"env": "A"}), door({"env": "B"}), door("A")}) == 3


def test_literal_text_and_files_that_everybody_can_read_are_unwise(tmp_path: Path) -> None:
    path = tmp_path / "door.txt"
    path.write_text(SWORDFISH, encoding="utf-8")
    path.chmod(0o644)
    exposed = door({"file": "door.txt"}, base=tmp_path).warning()
    path.chmod(0o600)
    kept = door({"file": "door.txt"}, base=tmp_path).warning()
    literal = door(SWORDFISH).warning()

    assert exposed is not None
    assert literal is not None
    assert (exposed.code, kept, literal.code) == ("ENV-008", None, "ENV-007")
    assert SWORDFISH not in f"{exposed}{literal}"


def test_editors_are_offered_the_three_references() -> None:
    choices = Door.model_json_schema()["properties"]["password"]["anyOf"]

    assert [next(iter(each.get("properties", {})), each["type"]) for each in choices] == [
        "env",
        "file",
        "credential",
        "string",
    ]
