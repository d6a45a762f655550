"""What is wrong with a request, in SCIM's words (RFC 7644 §3.12). The texts never repeat values that were sent."""

from __future__ import annotations

from typing import Any, Final

ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """A request that is refused: nothing was changed by it."""

    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        self.status, self.detail, self.kind = status, detail, kind
        super().__init__(detail)

    def body(self) -> dict[str, Any]:
        """Return what is answered; the status is a text there."""
        told: dict[str, Any] = {"schemas": [ERROR], "status": str(self.status), "detail": self.detail}
        return {**told, "scimType": self.kind} if self.kind else told


def bad_filter(why: str) -> ScimError:
    return ScimError(400, f"The filter cannot be understood: {why}.", "invalidFilter")


def bad_path(why: str) -> ScimError:
    return ScimError(400, f"The path cannot be understood: {why}.", "invalidPath")


def bad_value(why: str) -> ScimError:
    return ScimError(400, f"The value does not fit: {why}.", "invalidValue")


def bad_syntax(why: str) -> ScimError:
    return ScimError(400, f"The request cannot be understood: {why}.", "invalidSyntax")


def not_found() -> ScimError:
    return ScimError(404, "There is no such resource.")
