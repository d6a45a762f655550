"""structlog without rich: whoever logs takes it from here, so that it is loaded once and so.

structlog takes rich wherever it finds it, for tracebacks that show local variables, and so passwords. Nobody here wants these
(`syncd.telemetry`), and loading what draws them cost each start of a cycle 60 ms.
"""

from __future__ import annotations

import sys

if "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog.dev
    finally:
        del sys.modules["rich"]
import structlog

__all__ = ["structlog"]
