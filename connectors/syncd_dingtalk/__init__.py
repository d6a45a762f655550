"""DingTalk: the target, its rate plan, and a sandbox that speaks its protocol.

`DingTalk` is loaded when it is first asked for, so that naming the connector costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd_dingtalk.target import DingTalk

__all__ = ["DingTalk"]


def __getattr__(name: str) -> Any:
    if name == "DingTalk":
        from syncd_dingtalk.target import DingTalk

        return DingTalk
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
