"""The endpoint for providers in a process of its own: our HTTP side, its store in a file, nothing else of the service.

`python -m benchmarks._scim_endpoint FOLDER TOKEN` prints its address and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

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

ROOT = Path(__file__).parents[1]
SOURCE = "entra"


def main(folder: Path, token: str) -> None:
    """Serve."""
    telemetry.configure(LoggingSettings())  # as `syncd run` has it
    store = Store.open(f"sqlite:///{folder / 'pushed.db'}", now=_now)
    digest = hashlib.sha256(token.encode()).digest()
    with store.transaction() as tx:
        tx.tokens.add(TokenRow(id="bench", source=SOURCE, digest=digest, note="", created_at=_now()))
    pushing = Pushing(store, now=_now)
    pushed = Pushed(sources=frozenset({SOURCE}), ask=pushing.ask, tokens=pushing.tokens, rate=1_000_000)
    settings = load(ROOT / "syncd.yaml", env={})
    web = WebSettings.model_validate({"listen": "127.0.0.1:0"})
    served = Served(wake=_never, look=_never, now=_now, pushed=pushed)
    prepared = prepare(settings.model_copy(update={"web": web}), served)
    asyncio.run(serve(prepared, ready=lambda url: print(url, flush=True)))


def _now() -> datetime:
    return datetime.now(UTC)


async def _never(*_: object) -> NoReturn:
    raise NotImplementedError


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
