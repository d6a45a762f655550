"""DingTalk through a client that we did not write: `dingding-sdk` (its module is called `dingtalk`).

The facade points the client's hard-wired addresses at a server, keeps its printing quiet, and walks a tenant as that client
reads it. It corrects nothing: what the client cannot do (roles to people, look-up by number) is missing here, too.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Iterator
from typing import Any, TypeVar

import dingtalk.dingtalk

T = TypeVar("T")
_OLD = "https://oapi.dingtalk.com"
_NEW = "https://api.dingtalk.com"
_MODULES = ("core", "contact", "hr", "message", "oauth", "robot", "workflow", "document", "session", "space")


@contextlib.contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Point the client's modules at `url` for a while; each module has copied the addresses when it was imported."""
    modules = [importlib.import_module(f"dingtalk.{name}") for name in _MODULES]
    try:
        _point(modules, url, url)
        yield
    finally:
        _point(modules, _OLD, _NEW)


def _point(modules: list[Any], old: str, new: str) -> None:
    for module in modules:
        if hasattr(module, "URL"):
            module.URL = old
        if hasattr(module, "NEW_URL"):
            module.NEW_URL = new


class ForeignDingTalk:
    """One app's view of a tenant through the foreign client. Every call fetches a token, as the client does."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._url = url
        self._client = dingtalk.dingtalk.DingTalk(key, secret)

    def call(self, family: str, verb: str, /, *args: Any, **named: Any) -> Any:
        """Call `family.verb` of the client, such as `user.create`, quietly."""
        with pointed_at(self._url), contextlib.redirect_stdout(io.StringIO()):
            return getattr(getattr(self._client, family), verb)(*args, **named)

    def departments(self) -> dict[int, dict[str, Any]]:
        """Return every department below the root with its details, by id, walking the tree from the root."""
        found: dict[int, dict[str, Any]] = {}
        waiting = [1]
        while waiting:
            for child in self.call("department", "get", waiting.pop()):
                if child["dept_id"] > 0:
                    found[child["dept_id"]] = self.call("department", "get_info", child["dept_id"])
                    waiting.append(child["dept_id"])
        return found

    def users(self) -> dict[str, dict[str, Any]]:
        """Return everybody in the root and below with their details, by userid."""
        found: dict[str, dict[str, Any]] = {}
        for dept_id in (1, *self.departments()):
            for userid in self._members(dept_id):
                if userid not in found:
                    found[userid] = self.call("user", "get", userid)
        return found

    def _members(self, dept_id: int) -> list[str]:
        userids: list[str] = []
        page: dict[str, Any] = {"has_more": True, "next_cursor": 0}
        while page["has_more"]:
            cursor = page["next_cursor"]
            page = self.call("user", "get_userinfo_by_department", dept_id, cursor=cursor, size=100)
            userids += [item["userid"] for item in page["list"]]
        return userids
