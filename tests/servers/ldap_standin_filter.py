"""Search filters for the stand-in (RFC 4511 §4.5.1.7), compiled to a question about one object; and their text, for logs.

Two-valued: what an object does not have does not match. Comparisons go by what is played here of Active Directory's schema:
text without regard to case, numbers as numbers, names parsed, identities as bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from servers import ldap_standin_ber as ber
from servers import ldap_standin_names as names

BIT_AND: Final = "1.2.840.113556.1.4.803"
BIT_OR: Final = "1.2.840.113556.1.4.804"
IN_CHAIN: Final = "1.2.840.113556.1.4.1941"
BINARY: Final = frozenset({"objectguid", "objectsid", "invocationid", "parentguid"})
NUMBERS: Final = frozenset(
    ["usnchanged", "usncreated", "useraccountcontrol", "grouptype", "accountexpires", "pwdlastset", "lockouttime"]
)
NAMES: Final = frozenset(
    ["member", "memberof", "manager", "directreports", "managedby", "managedobjects", "assistant", "distinguishedname"]
)


class Facts(Protocol):
    """What a filter may ask of an object."""

    def values(self, attribute: str) -> Sequence[bytes]:
        """Return the values of an attribute (lower case)."""
        ...

    def chain(self, attribute: str) -> frozenset[names.Name]:
        """Return the names that a link attribute reaches over any number of steps."""
        ...


Question = Callable[[Facts], bool]


def compiled(wanted: tuple[int, bytes]) -> Question:
    """Return the question that a filter asks. Raises `ber.Broken` for what is no filter."""
    tag, body = wanted
    if tag in (0xA0, 0xA1):
        parts = list(ber.items(body))
        identities = _identities(parts) if tag == 0xA1 else None
        if identities is not None:
            return lambda facts: any(value in identities for value in facts.values("objectguid"))
        questions = [compiled(part) for part in parts]
        return _all(questions) if tag == 0xA0 else _any(questions)
    if tag == 0xA2:
        (inner,) = map(compiled, ber.items(body))
        return lambda facts: not inner(facts)
    if tag == 0x87:
        attribute = body.decode().lower()
        return lambda facts: bool(facts.values(attribute))
    if tag == 0xA4:
        return _substrings(body)
    if tag == 0xA9:
        return _by_rule(body)
    if tag in (0xA3, 0xA5, 0xA6, 0xA8):
        (_, attribute_), (_, value) = ber.items(body)
        return _compared(tag, attribute_.decode().lower(), value)
    raise ber.Broken(f"no filter: {tag:#x}")


def _identities(parts: Sequence[tuple[int, bytes]]) -> frozenset[bytes] | None:
    """Return the identities if all that is asked is one of them: a client that re-reads asks for hundreds at once."""
    found = []
    for tag, body in parts:
        pair = list(ber.items(body)) if tag == 0xA3 else []
        if len(pair) != 2 or pair[0][1].lower() != b"objectguid":
            return None
        found.append(pair[1][1])
    return frozenset(found)


def _all(questions: Sequence[Question]) -> Question:
    return lambda facts: all(question(facts) for question in questions)


def _any(questions: Sequence[Question]) -> Question:
    return lambda facts: any(question(facts) for question in questions)


def _compared(tag: int, attribute: str, value: bytes) -> Question:
    if tag in (0xA3, 0xA8):
        wanted = _normal(attribute, value)
        return lambda facts: any(_normal(attribute, each) == wanted for each in facts.values(attribute))
    least = tag == 0xA5
    bound = _ordered(attribute, value)
    return lambda facts: any(
        (each >= bound) if least else (each <= bound)  # type: ignore[operator]
        for each in (_ordered(attribute, found) for found in facts.values(attribute))
    )


def _normal(attribute: str, value: bytes) -> object:
    if attribute in BINARY:
        return value
    text = value.decode(errors="replace")
    if attribute == "objectcategory":
        # The class's name may be written instead of the whole name ([MS-ADTS] 3.1.1.3.1.3.5).
        text = text.partition(",")[0].removeprefix("CN=")
    elif attribute in NAMES:
        return _name(text)
    elif attribute in NUMBERS:
        return _ordered(attribute, value)
    return text.casefold()


def _name(text: str) -> object:
    if identity := names.identity(text):
        return identity
    try:
        return names.key(names.parsed(text))
    except ValueError:
        return text


def _ordered(attribute: str, value: bytes) -> int | str:
    text = value.decode(errors="replace")
    if attribute not in NUMBERS:
        return text.casefold()
    try:
        return int(text)
    except ValueError:
        return 0


def _substrings(body: bytes) -> Question:
    (_, attribute_), (_, parts) = ber.items(body)
    attribute = attribute_.decode().lower()
    wanted = [(tag, value.decode(errors="replace").casefold()) for tag, value in ber.items(parts)]

    def matches(value: bytes) -> bool:
        text, at = value.decode(errors="replace").casefold(), 0
        for tag, piece in wanted:
            if tag == 0x80:
                if not text.startswith(piece):
                    return False
                at = len(piece)
            elif tag == 0x82:
                return text.endswith(piece) and len(text) - len(piece) >= at
            else:
                found = text.find(piece, at)
                if found < 0:
                    return False
                at = found + len(piece)
        return True

    return lambda facts: any(matches(each) for each in facts.values(attribute))


def _by_rule(body: bytes) -> Question:
    parts = dict(ber.items(body))
    rule, attribute, value = parts[0x81].decode(), parts[0x82].decode().lower(), parts[0x83]
    if rule == IN_CHAIN:
        name = names.key(names.parsed(value.decode()))
        return lambda facts: name in facts.chain(attribute)
    bits = int(value)
    if rule == BIT_AND:
        return lambda facts: any(int(each) & bits == bits for each in facts.values(attribute))
    if rule == BIT_OR:
        return lambda facts: any(int(each) & bits != 0 for each in facts.values(attribute))
    return lambda _: False


def text(wanted: tuple[int, bytes]) -> str:
    """Return a filter as RFC 4515 writes it."""
    tag, body = wanted
    if tag in (0xA0, 0xA1, 0xA2):
        return "(" + {0xA0: "&", 0xA1: "|", 0xA2: "!"}[tag] + "".join(map(text, ber.items(body))) + ")"
    if tag == 0x87:
        return f"({body.decode()}=*)"
    if tag == 0xA9:
        parts = dict(ber.items(body))
        return f"({parts[0x82].decode()}:{parts[0x81].decode()}:={_shown(parts[0x83])})"
    (_, attribute), (_, value) = ber.items(body)
    if tag == 0xA4:
        pieces = [(piece, _shown(each)) for piece, each in ber.items(value)]
        joined = "*".join(each for _, each in pieces)
        return f"({attribute.decode()}={'' if pieces[0][0] == 0x80 else '*'}{joined}{'' if pieces[-1][0] == 0x82 else '*'})"
    return f"({attribute.decode()}{ {0xA5: '>=', 0xA6: '<='}.get(tag, '=') }{_shown(value)})"


def _shown(value: bytes) -> str:
    return "".join(chr(each) if 0x20 <= each < 0x7F and chr(each) not in "*()\\" else f"\\{each:02x}" for each in value)
