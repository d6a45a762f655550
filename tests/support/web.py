"""The service's HTTP side, running in a thread with doubles for what the service hands to it, and signed requests to
send to it."""

from __future__ import annotations

import asyncio
import atexit
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from syncd.config.settings import Settings, load
from syncd.config.web import WebSettings
from syncd.core.health import Health, SourceHealth, TargetHealth
from syncd.core.model import SourceName
from syncd.core.wakes import Wake
from syncd.web.app import Served
from syncd.web.serving import prepare, serve

ROOT: Final = Path(__file__).parents[2]
CLIENT: Final = httpx.Client(timeout=60)
atexit.register(CLIENT.close)
AT: Final = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SECRET: Final = "whsec_" + base64.b64encode(b"a secret of an example, 32 bytes").decode()
OTHER_SECRET: Final = "another secret, as text and long enough"
WEBHOOKS: Final = {
    "hr": {"sources": ["company"], "secrets": [SECRET]},
    "badges": {"sources": ["doors"], "secrets": [OTHER_SECRET]},
}
EVENT: Final = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "https://hr.example.com",
    "type": "com.example.person.changed",
    "subject": "E1001",
    "time": "2026-11-22T07:59:58Z",
}


def settings(**web: Any) -> Settings:
    """Return the shipped settings with this part `web`."""
    shipped = load(ROOT / "syncd.yaml", env={})
    given = {"listen": "127.0.0.1:0", "webhooks": WEBHOOKS, **web}
    return shipped.model_copy(update={"web": WebSettings.model_validate(given)})


def well(at: datetime = AT, **changed: Any) -> Health:
    """Return the health of an installation that is well."""
    source = SourceHealth(name=SourceName("company"), read_at=at, proven_at=at, records=300, watching="DirSync")
    fields: dict[str, Any] = {
        "at": at,
        "version": "1.2.3",
        "started_at": at - timedelta(days=1),
        "run_at": at,
        "next_at": at + timedelta(minutes=15),
        "sources": (source,),
        "target": TargetHealth(name="dingtalk", confirmed_at=at, seen_at=at),
        "people": 300,
        "linked": 297,
        "agreeing": 294,
    }
    return Health(**{**fields, **changed})


def stamped(
    content: bytes, *, secret: bytes = b"a secret of an example, 32 bytes", id: str = "msg-1", at: datetime = AT
) -> dict[str, str]:
    """Return the three headers, made without the code under test."""
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret, f"{id}.{seconds}.".encode() + content, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def request(event: Mapping[str, Any] | list[Any] = EVENT, **stamp: Any) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a right request with an event or a batch in JSON."""
    body = json.dumps(event).encode()
    kind = "cloudevents-batch" if isinstance(event, list) else "cloudevents"
    return body, {"content-type": f"application/{kind}+json", **stamped(body, **stamp)}


class Door:
    """The running HTTP side: a context manager. What it was told is in `wakes`; `health` and `wake` can be exchanged at
    any time."""

    def __init__(self, using: Settings | None = None, **changed: Any) -> None:
        self.settings = using or settings()
        self.wakes: list[Wake] = []
        self.health: Callable[[], Health] = well
        self.keep: Callable[[Wake], Any] = self.wakes.append
        self.now: Callable[[], datetime] = lambda: AT
        self.urls: list[str] = []
        self._changed = changed
        self._up = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="web")

    @property
    def url(self) -> str:
        return self.urls[0]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(60)
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop as the service does: by cancelling."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - told to whoever entered
            self._failed = error
        finally:
            self._up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._serving())
        await self._task

    async def _serving(self) -> None:
        async def wake(one: Wake) -> None:
            kept = self.keep(one)
            if kept is not None:
                await kept

        async def look() -> Health:
            return self.health()

        served = replace(Served(wake=wake, look=look, now=lambda: self.now()), **self._changed)
        web = self.settings.web
        expected = sum(each is not None for each in (web.listen, web.monitoring.listen))

        def ready(url: str) -> None:
            self.urls.append(url)
            if len(self.urls) == expected:
                self._up.set()

        await serve(prepare(self.settings, served), ready=ready)
