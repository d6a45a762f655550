"""The reference of what reads a directory: python-ldap (libldap, C) merely reading the same people, values as bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks import _openldap as openldap
from benchmarks._installation import ROOT, Usage, used

_PYTHON_LDAP: Final = Path(__file__).with_name("_python_ldap.py")


def reader(directory: openldap.Directory, people: int) -> Callable[[], Usage]:
    """Return what reads everybody once in pages of 1,000 and tells what it used. Raises `RuntimeError` without python-ldap."""
    account = [directory.user, directory.password, directory.suffix]
    asked = [openldap.PEOPLE_FILTER, *openldap.ATTRIBUTES]
    command = [python_with_ldap(), str(_PYTHON_LDAP), str(people), str(directory.port), *account, *asked]

    def read() -> Usage:
        usage = used(command, ROOT)
        assert usage.exit_code == 0, f"python-ldap ended with {usage.exit_code}"
        return usage

    return read


@cache
def python_with_ldap() -> str:
    """Return an interpreter that has python-ldap. Debian's is for /usr/bin/python3."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import ldap"], capture_output=True, check=False).returncode == 0:
            return python
    raise RuntimeError("python-ldap is not installed (tests/servers/install.sh installs it)")
