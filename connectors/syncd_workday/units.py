"""Organizations of some types, as units: read whole each time, because Workday knows no reliable “changed since” of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from syncd.core.model import Kind, NativeId, SourceRecord
from syncd.core.values import Value, content_digest
from syncd_workday.answers import NAMES, WD, Element, flag, text_of
from syncd_workday.paths import UNIT

_D: Final = "wd:Organization_Data/"


def unit_of(organization: Element) -> SourceRecord | None:
    """Return the record of an Organization, None for one without an id."""
    ids = _ids(organization.find("wd:Organization_Reference", NAMES))
    if not ids.get("WID"):
        return None
    attributes: dict[str, Value] = {name: value for name, value in _said(organization, ids) if value not in ("", None)}
    return SourceRecord(
        native_id=NativeId(ids["WID"]),
        kind=Kind.UNIT,
        digest=content_digest(attributes, tuple(UNIT)),
        attributes=attributes,
        aliases=tuple(value for type_, value in ids.items() if type_ != "WID" and value),
    )


def _said(organization: Element, ids: dict[str, str]) -> Iterator[tuple[str, Value]]:
    yield "WID", ids["WID"]
    yield "ReferenceID", text_of(organization, f"{_D}wd:Reference_ID") or ids.get("Organization_Reference_ID", "")
    yield "Name", text_of(organization, f"{_D}wd:Name")
    yield "Code", text_of(organization, f"{_D}wd:Organization_Code")
    yield "Description", text_of(organization, f"{_D}wd:Description")
    for name, element, type_ in (
        ("Type", "Organization_Type_Reference", "Organization_Type_ID"),
        ("Subtype", "Organization_Subtype_Reference", "Organization_Subtype_ID"),
        ("Manager", "Manager_Reference", "WID"),
        ("Superior", "Hierarchy_Data/wd:Superior_Organization_Reference", "WID"),
    ):
        yield name, _ids(organization.find(f"{_D}wd:{element}", NAMES)).get(type_, "")
    yield "Inactive", flag(text_of(organization, f"{_D}wd:Inactive")) or False


def _ids(reference: Element | None) -> dict[str, str]:
    if reference is None:
        return {}
    return {each.get(f"{WD}type", ""): (each.text or "").strip() for each in reference.iterfind("wd:ID", NAMES)}
