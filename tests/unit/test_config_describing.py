"""What settings mean, in the words below them: there when somebody asks, and read from nowhere before."""

from __future__ import annotations

import subprocess
import sys

from pydantic import BaseModel, Field

from syncd.config.describing import description, told


class Lamp(BaseModel):
    watts: int = 5
    """How much it takes,
    in watts."""
    colour: str = "white"
    place: str = Field(default="", description="Where it hangs.")
    """Overruled by what the field says itself."""


class Street(Lamp):
    colour: str = "yellow"
    """The light at night."""
    crossing: Street | None = None
    """Where it meets another one."""


class Town(BaseModel):
    lamps: dict[str, Street | None] = {}
    """By the name of the street."""


def test_a_setting_is_described_by_the_text_below_it_inherited_or_not() -> None:
    assert description(Street, "watts") == "How much it takes,\nin watts."
    assert description(Street, "colour") == "The light at night."
    assert description(Lamp, "colour") == ""
    assert description(Street, "place") == "Where it hangs."


def test_a_schema_tells_the_meaning_of_settings_and_of_those_inside() -> None:
    schema = told(Town.model_json_schema(), Town)

    assert schema["properties"]["lamps"]["description"] == "By the name of the street."
    assert schema["$defs"]["Street"]["properties"]["colour"]["description"] == "The light at night."
    assert schema["$defs"]["Street"]["properties"]["watts"]["description"].startswith("How much")
    assert Town.model_validate({"lamps": {"main": {"watts": 7}}}).lamps["main"] == Street(watts=7)


def test_a_class_without_a_source_says_nothing() -> None:
    made = type("Made", (BaseModel,), {"__annotations__": {"size": int}})

    assert description(made, "size") == ""


def test_a_cycle_loads_neither_what_draws_tracebacks_nor_the_words_of_another_database() -> None:
    asked = (
        "import sys, syncd.engine.cycle, syncd.store.transaction, syncd.telemetry, syncd.config.settings;"
        "print([name for name in ('rich', 'pygments', 'sqlalchemy.dialects.postgresql') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
