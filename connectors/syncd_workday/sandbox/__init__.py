"""A Workday tenant that is none: a store with two times in it, behind the wire formats of Human_Resources.

It serves tests on this machine. It knows as much as a reader of workers and organizations asks for, and does on demand what
tenants do in the wild; it never checks that a request is wise, only that Workday would take it.
"""

from __future__ import annotations

from syncd_workday.sandbox.service import Quirks, Sandbox
from syncd_workday.sandbox.store import Facts, Organization, Store, Worker

__all__ = ["Facts", "Organization", "Quirks", "Sandbox", "Store", "Worker"]
