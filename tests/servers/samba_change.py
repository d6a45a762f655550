"""Run by Debian's own Python, the only one with the `samba` module: changes that no client may make over LDAP.

Usage: /usr/bin/python3 samba_change.py SMB_CONF recycle-bin|invocation-id. The server must not be running.
"""

from __future__ import annotations

import sys
import uuid

import ldb
from samba.auth import system_session
from samba.dcerpc import misc
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.samdb import SamDB

_RECYCLE_BIN = "766ddcd8-acd0-445e-f3b9-a7f9b6744f2a"
"""Recycle Bin Feature ([MS-ADTS] 3.1.1.9.1)."""


def main(conf: str, wish: str) -> None:
    """Open the database as the system itself, and change it."""
    lp = LoadParm()
    lp.load(conf)
    database = SamDB(url=lp.private_path("sam.ldb"), session_info=system_session(lp), lp=lp)
    {"recycle-bin": _switch_recycle_bin_on, "invocation-id": _become_another_controller}[wish](database)


def _switch_recycle_bin_on(database: SamDB) -> None:
    message = ldb.Message(ldb.Dn(database, ""))
    value = f"CN=Partitions,{database.get_config_basedn()}:{_RECYCLE_BIN}"
    message["enableOptionalFeature"] = ldb.MessageElement(value, ldb.FLAG_MOD_ADD, "enableOptionalFeature")
    database.modify(message)


def _become_another_controller(database: SamDB) -> None:
    """Give the database another invocationId: what it writes from now on counts in USNs of another origin."""
    message = ldb.Message(ldb.Dn(database, database.get_dsServiceName()))
    value = ndr_pack(misc.GUID(str(uuid.uuid4())))
    message["invocationId"] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, "invocationId")
    # The attribute belongs to the system; RELAX lets the system itself change it.
    database.modify(message, ["relax:0"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
