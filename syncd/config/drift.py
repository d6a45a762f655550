"""The part `drift` of `syncd.yaml`: what becomes of what somebody changes by hand in the target. It looks at nothing."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from syncd.config.parts import Part
from syncd.config.problems import refusal
from syncd.config.yaml import did_you_mean
from syncd.core.errors import message

_NO_FIELD: Final = message(
    "CFG-049",
    what="The target has no field '{name}'.{similar}",
    do="Name a field that the target can hold; docs/reference/rules.md lists them.",
    example="drift: {fields: {mobil: report}}",
)


class DriftSettings(Part):
    """What becomes of what somebody changes by hand in the target. Only fields that the rules write count."""

    default: Literal["revert", "report", "accept"] = "revert"
    """`revert`: the next plan writes what the source says; `report`: the field is left alone and waits for `syncd drift accept`
    or `revert`; `accept`: it is left alone until the source says something else than it did then."""
    fields: dict[str, Literal["revert", "report", "accept"]] = Field(
        default_factory=dict, examples=[{"mobile": "report"}]
    )
    """The same for single fields of the target, by their names."""
    deleted: Literal["revert", "report", "accept"] = "revert"
    """The same where somebody deleted a whole account or department; `revert` makes it anew."""

    def fits(self, target: Any) -> None:
        """Refuse rules about fields that the target does not have: a misspelt one would be no rule at all."""
        tables = getattr(target, "fields", None)
        if tables is None:
            return
        known = {name for fields in tables.values() for name in fields}
        if unknown := sorted(self.fields.keys() - known):
            raise refusal(_NO_FIELD, name=unknown[0], similar=did_you_mean(unknown[0], sorted(known)))
