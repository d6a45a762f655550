"""Our endpoint for providers in a process of its own: the HTTP side and a store in a file, nothing else of the service.

As a program it serves: `python scim_push.py FOLDER SOURCE=TOKEN…`. As a module it starts that program, for benchmarks and tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).parents[2]
BODY_SECONDS: Final = 5.0
"""How long it waits for a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The program at work."""

    url: str
    pid: int
    log: Path

    @property
    def memory(self) -> int:
        """Return the bytes that it holds in memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@contextmanager
def endpoint_process(folder: Path, tokens: Mapping[str, str]) -> Iterator[Running]:
    """Serve sources, each with a token, until the block ends."""
    command = [sys.executable, __file__, str(folder), *(f"{source}={token}" for source, token in tokens.items())]
    log = folder / "endpoint.log"
    with (
        log.open("wb") as told,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True, cwd=ROOT) as process,
    ):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, log.read_text(encoding="utf-8")
            yield Running(url=url, pid=process.pid, log=log)
        finally:
            process.terminate()


def main(folder: Path, tokens: Mapping[str, str]) -> None:
    """Serve."""
    from syncd import telemetry
    from syncd.config.parts import LoggingSettings
    from syncd.config.settings import load
    from syncd.config.web import WebSettings
    from syncd.engine.pushing import Pushing
    from syncd.store import Store
    from syncd.store.tokens import TokenRow
    from syncd.web.app import Served
    from syncd.web.scim import Pushed
    from syncd.web.serving import prepare, serve

    telemetry.configure(LoggingSettings())  # as `syncd run` has it
    store = Store.open(f"sqlite:///{folder / 'pushed.db'}", now=_now)
    with store.transaction() as tx:
        for source, token in tokens.items():
            digest = hashlib.sha256(token.encode()).digest()
            tx.tokens.add(TokenRow(id=source, source=source, digest=digest, note="", created_at=_now()))
    pushing = Pushing(store, now=_now)
    pushed = Pushed(sources=frozenset(tokens), ask=pushing.ask, tokens=pushing.tokens, rate=1_000_000)
    settings = load(ROOT / "syncd.yaml", env={})
    web = WebSettings.model_validate({"listen": "127.0.0.1:0", "rate": 10_000})
    served = Served(wake=_never, look=_never, now=_now, pushed=pushed, body_seconds=BODY_SECONDS)
    prepared = prepare(settings.model_copy(update={"web": web}), served)
    asyncio.run(serve(prepared, ready=lambda url: print(url, flush=True)))


def _now() -> datetime:
    return datetime.now(UTC)


async def _never(*_: object) -> NoReturn:
    raise NotImplementedError


if __name__ == "__main__":
    main(Path(sys.argv[1]), dict(one.split("=", 1) for one in sys.argv[2:]))
