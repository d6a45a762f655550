"""Functions on e-mail addresses and distinguished names: addresses of mailboxes and of directory entries.

An e-mail address is checked for its form only; whether a mailbox exists is not asked of anybody.
"""

from __future__ import annotations

import re
from typing import Any, Final

from syncd.core.errors import message
from syncd.mapping.functions.contract import (
    TEXT,
    Arguments,
    Call,
    Example,
    Function,
    Param,
    Surroundings,
    capped,
    unfit,
)
from syncd.mapping.functions.dn import Component, components, dn_text
from syncd.mapping.functions.text import plain

NOT_AN_EMAIL: Final = message(
    "FUN-114",
    what="{function}: the value is not an e-mail address ({why}).",
    do="Correct it in the source; one address only, without a name beside it.",
    example='via: [email]   # on "li.wei at example.com"',
)
NO_PARENT: Final = message(
    "FUN-116",
    what="{function}: the distinguished name has no part of that kind.",
    do="Use it on names of entries below a root.",
    example='via: [rdn]   # on ""',
)

# RFC 5321 §4.5.3.1: 64 octets before the @, 255 after it, and a path of 256 with its angle brackets.
_LOCAL_LIMIT, _LIMIT = 64, 254
# RFC 5322 §3.2.3 atext, and RFC 6531 for everything beyond ASCII. Quoted local parts are not for directories.
_LOCAL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+)*"
)
# What nearly every address looks like, told in one go; what does not is looked at part by part.
_USUAL: Final = re.compile(r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([A-Za-z0-9]+(?:\.[A-Za-z0-9]+)+)").fullmatch
_LABEL: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")


def _address(value: Any, function: str) -> tuple[str, str]:
    text = str.strip(value)
    if len(text) <= _LOCAL_LIMIT and (usual := _USUAL(text)):
        return usual[1], usual[2].lower()
    if len(text) > _LIMIT:
        unfit(NOT_AN_EMAIL, function=function, why="it is longer than 254 characters")
    local, at, domain = text.rpartition("@")
    if not at:
        unfit(NOT_AN_EMAIL, function=function, why="there is no @")
    if not _LOCAL.fullmatch(local) or len(local) > _LOCAL_LIMIT or not local.isprintable():
        unfit(NOT_AN_EMAIL, function=function, why="the part before the @ is wrong")
    labels = domain.split(".")
    if len(labels) < 2 or "_" in domain or not all(_LABEL.fullmatch(label) for label in labels):
        unfit(NOT_AN_EMAIL, function=function, why="the part after the @ is wrong")
    return local, domain.lower()


def _email(_around: Surroundings, given: Arguments) -> Call:
    lower = given["lower"]

    def call(value: Any) -> str:
        local, domain = _address(value, "email")
        return f"{local.lower() if lower else local}@{domain}"

    return call


def _dn(value: Any) -> tuple[Component, ...]:
    if isinstance(value, str):
        return components(value)
    raise TypeError(f"a text is expected, not {type(value).__name__}")


def _rdn(value: Any) -> str:
    parts = _dn(value)
    return parts[0].value if parts else unfit(NO_PARENT, function="rdn")


def _dn_parent(value: Any) -> str:
    parts = _dn(value)
    return dn_text(parts[1:]) if len(parts) > 1 else unfit(NO_PARENT, function="dn_parent")


def _dn_ous(value: Any) -> tuple[str, ...]:
    return tuple(part.value for part in reversed(_dn(value)) if part.type == "ou")


def _dn_path(_around: Surroundings, given: Arguments) -> Call:
    separator: str = given["separator"]

    def call(value: Any) -> str | None:
        # An OU named "A/B" must not look like two: the separator inside a name is doubled.
        names = (name.replace(separator, separator * 2) if separator else name for name in _dn_ous(value))
        return capped(separator.join(names), "dn_path") or None

    return call


def _dn_depth(value: Any) -> int:
    return sum(part.type == "ou" for part in _dn(value))


_SALES: Final = r"CN=Li\, Wei,OU=North,OU=Sales,DC=contoh,DC=example"

EMAIL: Final = (
    Function(
        name="email",
        takes=TEXT,
        gives="text",
        doc="Checks an e-mail address and writes its domain in small letters. Outer blanks go.",
        params=(
            Param(name="lower", type="flag", default=False, doc="Whether the part before the @ becomes small too."),
        ),
        examples=(
            Example(value=" Li.Wei@Example.COM ", gives="Li.Wei@example.com"),
            Example(value="Li.Wei@Example.COM", args={"lower": True}, gives="li.wei@example.com"),
            Example(value="o'brien+hr@mail.example.com", gives="o'brien+hr@mail.example.com"),
            Example(value="Li Wei <li.wei@example.com>", fails="FUN-114"),
            Example(value="li.wei@localhost", fails="FUN-114"),
        ),
        make=_email,
    ),
    Function(
        name="email_local",
        takes=TEXT,
        gives="text",
        doc="Keeps the part of an e-mail address before the @.",
        examples=(
            Example(value="li.wei@example.com", gives="li.wei"),
            Example(value="li.wei", fails="FUN-114"),
        ),
        make=plain(lambda value: _address(value, "email_local")[0]),
    ),
    Function(
        name="email_domain",
        takes=TEXT,
        gives="text",
        doc="Keeps the part of an e-mail address after the @, in small letters.",
        examples=(
            Example(value="li.wei@ID.Example.com", gives="id.example.com"),
            Example(value="li.wei@", fails="FUN-114"),
        ),
        make=plain(lambda value: _address(value, "email_domain")[1]),
    ),
)

DN: Final = (
    Function(
        name="rdn",
        takes=TEXT,
        gives="text",
        doc="Gives the value of the first part of a distinguished name, without its escapes (RFC 4514).",
        examples=(
            Example(value=_SALES, gives="Li, Wei"),
            Example(value=r"OU=\E9\94\80\E5\94\AE,DC=example", gives="销售"),
            Example(value="not a name", fails="FUN-115"),
        ),
        make=plain(_rdn),
    ),
    Function(
        name="dn_parent",
        takes=TEXT,
        gives="text",
        doc="Gives the distinguished name of the entry above.",
        examples=(
            Example(value=_SALES, gives="OU=North,OU=Sales,DC=contoh,DC=example"),
            Example(value="DC=example", fails="FUN-116"),
        ),
        make=plain(_dn_parent),
    ),
    Function(
        name="dn_ous",
        takes=TEXT,
        gives="texts",
        doc="Lists the names of the organizational units that an entry is in, top first.",
        examples=(
            Example(value=_SALES, gives=["Sales", "North"]),
            Example(value="CN=Li Wei,CN=Users,DC=example", gives=[], note="Containers are no units."),
        ),
        make=plain(_dn_ous),
    ),
    Function(
        name="dn_path",
        takes=TEXT,
        gives="text",
        doc="Joins the names of the organizational units that an entry is in, top first; absent where there is none. A "
        "separator inside a name is doubled.",
        params=(Param(name="separator", type="text", default="/", doc="What to put between the names."),),
        examples=(
            Example(value=_SALES, gives="Sales/North"),
            Example(value="OU=A/B,OU=C,DC=example", gives="C/A//B"),
            Example(value="DC=example", gives=None),
        ),
        make=_dn_path,
    ),
    Function(
        name="dn_depth",
        takes=TEXT,
        gives="number",
        doc="Counts the organizational units that an entry is in.",
        examples=(Example(value=_SALES, gives=2), Example(value="DC=example", gives=0)),
        make=plain(_dn_depth),
    ),
)
