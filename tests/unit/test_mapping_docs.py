"""The reference page of the rules is true: its examples load, and the attributes' page is what the code says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.model import Kind
from syncd.mapping import load_inbound, load_outbound
from syncd.mapping.attributes_page import markdown
from syncd.mapping.schema import (
    InboundFile,
    InboundGroup,
    InboundPerson,
    Level,
    OutboundFile,
    OutboundSection,
    OutboundUnit,
    Rule,
    Scope,
)
from syncd_dingtalk.fields import FIELDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if text.startswith("version: 1\n")]
# `memberOf` is a list in Active Directory; a source that does not know its types would leave that to the values.
TEXTS = ("displayName", "sn", "givenName", "sAMAccountName", "mail", "title", "employeeType")
PERSON = {**dict.fromkeys(TEXTS, "text"), "memberOf": "texts"}


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_of_the_page_loads(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    if "rules: outbound" in text:
        outbound = load_outbound(path, fields=FIELDS, now=now)
        assert path in outbound.files
    else:
        known = {Kind.PERSON: PERSON} if "memberOf" in text else None
        assert path in load_inbound(path, source="x", attributes=known, now=now).files


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 7


def test_every_key_of_the_language_is_on_the_page() -> None:
    models = (InboundFile, OutboundFile, InboundPerson, InboundGroup, OutboundSection, OutboundUnit, Rule, Scope, Level)
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert not [key for key in sorted(keys) if not re.search(rf"`{key}\b|\b{key}:", PAGE)]


def test_the_page_of_the_attributes_is_up_to_date() -> None:
    page = DOCS / "reference" / "attributes.md"
    assert page.read_text(encoding="utf-8") == markdown()
