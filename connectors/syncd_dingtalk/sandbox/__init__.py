"""A DingTalk tenant on this machine: a server that speaks DingTalk's protocol with its checks, limits, codes and quirks.

For the demonstration, tests, benchmarks and administrators who want to try rules without touching their company. It calls
nobody and needs no account. Importing this package loads no server: `SandboxServer` and `serve` come when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncd_dingtalk.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from syncd_dingtalk.sandbox.server import SandboxServer, serve

__all__ = ["SandboxServer", "SandboxSettings", "serve"]


def __getattr__(name: str) -> Any:
    if name in ("SandboxServer", "serve"):
        from syncd_dingtalk.sandbox import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
