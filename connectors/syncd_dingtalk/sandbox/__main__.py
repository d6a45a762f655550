"""`python -m syncd_dingtalk.sandbox`: the sandbox as a process of its own. Its first line of output is the URL."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from syncd_dingtalk.sandbox.server import serve
from syncd_dingtalk.sandbox.settings import SandboxSettings


def _limit(text: str) -> int | None:
    return None if text == "none" else int(text)


def main() -> None:
    """Read the arguments and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m syncd_dingtalk.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--qps", type=_limit, default=20, help="calls per second and interface, or 'none'")
    parser.add_argument("--state", type=Path, default=None, help="the file that keeps the tenant; in memory without")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting")
    given = parser.parse_args()
    settings = SandboxSettings(qps=given.qps, state_file=given.state, seed=given.seed)
    settings = dataclasses.replace(settings, **_more(given.set))
    serve(settings, given.host, given.port, on_ready=lambda url: print(url, flush=True))


def _more(pairs: list[str]) -> dict[str, Any]:
    from syncd_dingtalk.sandbox.control import settings_of

    return settings_of(dict(pair.split("=", 1) for pair in pairs), fixed=True)


if __name__ == "__main__":
    main()
