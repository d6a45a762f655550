"""The configuration: `syncd.yaml`, the environment and secrets, read once and checked whole.

Names are imported on first use, so that a command that needs no configuration does not pay for pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.config.secrets import Secret as Secret
    from syncd.config.settings import Settings as Settings
    from syncd.config.settings import load as load

_HOMES = {
    "Secret": "syncd.config.secrets",
    "Settings": "syncd.config.settings",
    "load": "syncd.config.settings",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
