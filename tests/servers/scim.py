"""A SCIM service that we did not write, for tests: the scim2-server command on loopback, in memory, and whoever changes it."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from servers.ports import free_port

_START_SECONDS: Final = 60
USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class ScimService:
    """A running scim2-server, and its administrator."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(24)  # "urlsafe" begins with a minus now and then, and is no option's value then
        self.port = free_port()
        self.url = self._url("first")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [str(Path(sys.executable).with_name("scim2-server")), "--dynamic-tenants", "--port", str(self.port)]
        command += ["--bearer-token", self.token]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        self.__exit__(None, None, None)
        raise RuntimeError("scim2-server did not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def _url(self, tenant: str) -> str:
        return f"http://127.0.0.1:{self.port}/{tenant}/v2"

    def fresh(self) -> Self:
        """Go on with a company of one's own, in which nobody is yet."""
        self.url = self._url(secrets.token_hex(8))
        return self

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return what the service answers, decoded. Raises RuntimeError where it refuses."""
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/scim+json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{method} {path}: {error.code} {error.read()[:300]!r}") from None
        return json.loads(text) if text else None

    def add_user(self, login: str, **core: Any) -> str:
        """Add a person and return the id; `enterprise` holds the attributes of the extension."""
        extension = core.pop("enterprise", None)
        body = {"schemas": [USER], "userName": login, "displayName": f"Contoh {login}", "active": True, **core}
        if extension:
            body |= {"schemas": [USER, ENTERPRISE], ENTERPRISE: extension}
        return str(self.call("POST", "Users", body)["id"])

    def add_group(self, name: str, members: list[str]) -> str:
        """Add a group and return the id."""
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": member} for member in members]}
        return str(self.call("POST", "Groups", body)["id"])

    def patch(self, path: str, **values: Any) -> None:
        """Replace attributes."""
        operations = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        self.call("PATCH", path, {"schemas": schemas, "Operations": operations})

    def delete(self, path: str) -> None:
        """Delete a resource."""
        self.call("DELETE", path)
