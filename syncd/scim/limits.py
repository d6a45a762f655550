"""How much one request of a provider may ask for, or bring. What the endpoint says of it is `discovery`'s."""

from __future__ import annotations

from typing import Final

MOST_RESULTS: Final = 1000
PAGE: Final = 100
MOST_BYTES: Final = 1024 * 1024
"""Of the body of one request: Entra ID puts many members into one."""
