"""What a target may offer besides its own socket: word to the people who have accounts in it. A protocol; it sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from syncd.core.model import TargetId


@runtime_checkable
class Reaching(Protocol):
    """Messages to people of the target, by their accounts: the rules are those of `syncd.core.ports.Messenger`, and so is the
    suite that proves them (`syncd.testing.MessengerContract`).

    It is a part of the target and no connector of its own, because the accounts are the target's, and so are its credentials
    and the calls that it permits.
    """

    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]: ...


__all__ = ["Reaching"]
