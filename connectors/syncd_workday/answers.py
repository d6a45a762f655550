"""What Workday answered: the XML of a response, or a fault told apart by its content. Blocking; no entity, no network, no DTD.

A throttled call is a fault with status 500 like any other, so the status decides nothing. Nothing of an answer is ever logged.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from lxml import etree

from syncd.core.errors import NeedsHuman, TryAgain, foreign
from syncd.http import Answer
from syncd_workday import messages
from syncd_workday.envelope import NAMESPACE

Element: TypeAlias = Any
"""An lxml element: the library has no types."""

WD: Final = f"{{{NAMESPACE}}}"
NAMES: Final = {"wd": NAMESPACE}
_SOAP: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
_QUOTED: Final = re.compile(r"'[^']*'")
_TASK: Final = re.compile(r"task submitted is not authorized", re.IGNORECASE)


def understood(answer: Answer, *, host: str, task: str) -> Element:
    """Return the element of a response. Raises `TryAgain` for what passes by itself, `NeedsHuman` for what does not."""
    status = answer.status
    if status in (401, 403):
        raise NeedsHuman(messages.UNAUTHENTICATED.at(host=host))
    root = _parsed(answer.content)
    if root is None or root.tag != f"{_SOAP}Envelope":
        raise _unfit(answer, host=host, task=task)
    found = root.find(f"{_SOAP}Body/*")
    if found is None:
        raise NeedsHuman(messages.NOT_WORKDAY.at(host=host, task=task, why="an empty message"))
    if found.tag == f"{_SOAP}Fault":
        raise _fault(found, host=host, task=task)
    if status != 200:
        raise TryAgain(messages.BUSY.at(host=host, why=f"status {status}"))
    return found


def text_of(element: Element, path: str) -> str:
    """Return the text at a path of `wd` names, empty where there is none."""
    return (element.findtext(path, default="", namespaces=NAMES) or "").strip()


def flag(text: str) -> bool | None:
    """Return a boolean of XML Schema: `1` and `true` both occur."""
    return {"1": True, "true": True, "0": False, "false": False}.get(text.strip().lower())


def _parsed(content: bytes) -> Element | None:
    # A page may be deep and long; its size is bounded by `syncd.http.BODY_LIMIT`.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root.getroottree().docinfo.internalDTD is not None else root


def _unfit(answer: Answer, *, host: str, task: str) -> Exception:
    """Return what to raise for something that is no message: a maintenance page, a cut answer, somebody else's page."""
    status, start = answer.status, answer.content.lstrip()[:200].lower()
    if status == 429 or status >= 500:
        return TryAgain(messages.BUSY.at(host=host, why=f"status {status}"))
    if status == 404:
        return NeedsHuman(messages.NOT_WORKDAY.at(host=host, task=task, why="there is nothing at this address"))
    if b"<html" in start or b"<!doctype" in start:
        # Maintenance pages arrive with 200, too; so does somebody else's page for ever. Trying again tells both in time.
        return TryAgain(messages.NOT_WORKDAY.at(host=host, task=task, why="a web page"))
    if b"envelope" in start:
        return TryAgain(messages.NOT_WORKDAY.at(host=host, task=task, why="a message that was cut off"))
    return NeedsHuman(messages.NOT_WORKDAY.at(host=host, task=task, why=f"no message (status {status})"))


def _fault(fault: Element, *, host: str, task: str) -> Exception:
    code = (fault.findtext("faultcode") or "").strip()
    words = fault.findtext("faultstring") or ""
    detail = fault.find("detail")
    # An element without children is false, so `or` would not do.
    said = None if detail is None else detail.find(f".//{WD}Message")
    if said is None and detail is not None:
        said = detail.find(f".//{WD}Detail_Message")
    # What stands in quotes may be somebody's id.
    shown = foreign(_QUOTED.sub("'…'", (said.text if said is not None else "") or words))
    if code.endswith("authenticationError"):
        return NeedsHuman(messages.UNAUTHENTICATED.at(host=host))
    if _TASK.search(words) or _TASK.search(shown):
        return NeedsHuman(messages.NOT_GRANTED.at(host=host, task=task))
    if code.endswith("validationError"):
        return NeedsHuman(messages.REFUSED.at(host=host, task=task, detail=shown or "without a reason"))
    return TryAgain(messages.BUSY.at(host=host, why=shown or "an internal error"))
