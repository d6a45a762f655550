"""What a directory can tell people about writing to it. It names attributes; never a value."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

MOVED: Final = message(
    "ADS-120",
    what="Nothing was written to {attributes}: they no longer hold what was read last.",
    do="Nothing: the record is read again, and what is to be written is decided anew.",
    example="an administrator who changes `mobile` in the same second",
)
GONE: Final = message(
    "ADS-121",
    what="Nothing was written: the record is not found any more.",
    do="Nothing: the next read tells what became of it.",
    example="a person who was deleted, or moved out of `base`",
)
SEVERAL: Final = message(
    "ADS-122",
    what="Nothing was written to {attributes}: there are several values.",
    do="Leave one value in the directory, or write back to another attribute.",
    example="an LDAP entry with two values of `mobile`",
)
FORBIDDEN: Final = message(
    "ADS-123",
    what="The service account may not write {attributes}.",
    do="Give it the right to write these attributes and no others: docs/how-to/write-back.md. Then `syncd queue retry`.",
    example="an account that may only read, with `write_back` in the rules",
)
STORED_OTHERWISE: Final = message(
    "ADS-124",
    what="The server stores in {attributes} something else than it was told, so the two would never agree.",
    do="Let `via` of the rule at `write_back` give the form that the server keeps.",
    example="a server that trims, or an overlay that rewrites, what is written",
)
REFUSED: Final = message(
    "ADS-125",
    what="The server refuses to write {attributes}: {reason}.",
    do="Correct the value in the target, or the rule at `write_back`; then `syncd queue retry`.",
    example="a value that is longer than the attribute's schema allows (constraintViolation)",
)
NOT_NOW: Final = message(
    "ADS-126",
    what="{server} cannot write now: {reason}.",
    do="Nothing: it is tried again.",
    example="a server that is busy, or read-only during a backup",
)
RIGHTS_UNKNOWN: Final = message(
    "ADS-127",
    what="{title} does not say what an account may write.",
    do="See its access rules; the first write-back shows it, and is parked if the right is missing.",
    example="OpenLDAP with `write_back` in the rules",
)
