"""Reads a whole directory with python-ldap (C), values as bytes: what the directory benchmark compares with. Run by itself, with
an interpreter that has python-ldap: Debian's python3-ldap is for /usr/bin/python3. It imports nothing of this project."""

from __future__ import annotations

import sys

import ldap
from ldap.controls import SimplePagedResultsControl


def read(port: str, user: str, password: str, suffix: str, filter_: str, *attributes: str) -> int:
    """Read everything in pages of 1,000, and return how many entries there were."""
    connection = ldap.initialize(f"ldap://127.0.0.1:{port}")
    connection.simple_bind_s(user, password)
    paging = SimplePagedResultsControl(criticality=True, size=1000, cookie="")
    count = 0
    while True:
        asked = connection.search_ext(suffix, ldap.SCOPE_SUBTREE, filter_, list(attributes), serverctrls=[paging])
        _, entries, _, controls = connection.result3(asked)
        count += len(entries)
        paging.cookie = next(each.cookie for each in controls if each.controlType == paging.controlType)
        if not paging.cookie:
            return count


if __name__ == "__main__":
    sys.exit(read(*sys.argv[2:]) != int(sys.argv[1]))
