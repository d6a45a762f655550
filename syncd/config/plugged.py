"""What every connector's entry in `syncd.yaml` has. It loads no connector."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from syncd.config.parts import Part


class Plugged(Part):
    """What every connector has, whatever its type."""

    type: str = Field(min_length=1)
    """Which connector it is; `syncd plugins` lists them. All other settings here are the connector's own."""
    settings: SkipJsonSchema[Any] = Field(exclude=True, repr=True)
    plugin: SkipJsonSchema[Any] = Field(default=None, exclude=True, repr=False)
