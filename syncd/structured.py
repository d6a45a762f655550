"""Loads structlog without rich, once, before anybody else does: importing this module is all that there is to do with it.

structlog takes rich wherever it finds it, for tracebacks that show local variables, and so passwords. Nobody here wants these
(`syncd.telemetry`), and loading what draws them cost each start of a cycle 60 ms.
"""

from __future__ import annotations

import sys
from importlib import import_module

if "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import_module("structlog.dev")
    finally:
        del sys.modules["rich"]
