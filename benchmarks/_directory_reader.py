"""Reads a whole directory once, in one of several ways, and ends with 1 if not everybody was seen: `python -m
benchmarks._directory_reader WAY PORT PEOPLE`. A process of its own, so that the kernel says what it cost."""

from __future__ import annotations

import os
import ssl
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks._openldap import ATTRIBUTES, PEOPLE_FILTER, Directory

_PAGE: Final = 1000


def stock(directory: Directory) -> int:
    """Read with ldap3 as it is when nothing is configured."""
    with warnings.catch_warnings():
        # It imports names that pyasn1 has renamed.
        warnings.simplefilter("ignore", DeprecationWarning)
        from ldap3 import Connection, Server

    connection = Connection(Server("127.0.0.1", directory.port), directory.user, directory.password, auto_bind=True)
    found = connection.extend.standard.paged_search(
        directory.suffix, PEOPLE_FILTER, attributes=list(ATTRIBUTES), paged_size=_PAGE, generator=True
    )
    return sum(1 for _ in found)


def decoded(directory: Directory) -> int:
    """Read with the connector's wire; every name and value becomes text, as python-ldap would have to be helped to."""
    count = 0
    for entries in _pages(directory):
        for entry in entries:
            assert entry.dn
            # Written out for one value, the usual number: a comprehension inside costs a call.
            texts = {
                name: [values[0].decode()] if len(values) == 1 else [value.decode() for value in values]
                for name, values in entry.read().items()
            }
            assert len(texts) >= len(ATTRIBUTES) - 1
            count += 1
    return count


def recognised(directory: Directory) -> int:
    """Read with the connector's wire; look each entry's fingerprint up, and decode nothing."""
    from syncd_active_directory.entry import fingerprint

    known: set[bytes] = set()
    units: dict[bytes, str] = {}
    salt = bytes(32)
    count = 0
    for entries in _pages(directory):
        for entry in entries:
            above = entry.parent_bytes
            unit = units.get(above) or units.setdefault(above, f"00000000-0000-0000-0000-{len(units):012d}")
            count += fingerprint(entry, unit, salt) not in known
    return count


def framed(directory: Directory) -> int:
    """Read with the connector's wire, and look into nothing."""
    return sum(len(entries) for entries in _pages(directory))


def _pages(directory: Directory) -> Iterator[tuple]:  # type: ignore[type-arg]
    from syncd_active_directory.settings import DirectorySettings
    from syncd_active_directory.wire import Wire

    os.environ["BENCHMARK_PASSWORD"] = directory.password
    settings = DirectorySettings.model_validate(
        {
            "servers": directory.address,
            "user": directory.user,
            "password": {"env": "BENCHMARK_PASSWORD"},
            "base": directory.suffix,
            "plain_text_password_allowed": True,
            "page_size": _PAGE,
        }
    )
    wire = Wire(directory.address, settings, ssl.create_default_context())
    wire.connect()
    wire.bind()
    for page in wire.pages(base=directory.suffix, filter_=PEOPLE_FILTER, wanted=ATTRIBUTES, doing="reading people"):
        yield page.entries
    wire.close()


WAYS: Final[dict[str, Callable[[Directory], int]]] = {
    "stock": stock,
    "decoded": decoded,
    "recognised": recognised,
    "framed": framed,
}

if __name__ == "__main__":
    sys.exit(WAYS[sys.argv[1]](Directory(port=int(sys.argv[2]))) != int(sys.argv[3]))
