"""Whose the files of the state are: whoever owns their folder's. It touches only files that were just made.

An administrator works as root, the service as its own account; a lock or a database that root made in the service's folder
would keep the service out.
"""

from __future__ import annotations

import os
from pathlib import Path


def share(descriptor: int, folder: Path) -> None:
    """Give a file that was just made to the owner of its folder, where it is root who made it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
