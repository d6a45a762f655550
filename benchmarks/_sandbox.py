"""A sandbox in a process of its own, so that its CPU time is not counted as ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from syncd.config.secrets import Secret
from syncd_dingtalk.sandbox import SandboxSettings
from syncd_dingtalk.settings import DingTalkSettings


@contextmanager
def sandbox(qps: int | None) -> Iterator[str]:
    """Yield the URL of a fresh sandbox."""
    told = "none" if qps is None else str(qps)
    command = [sys.executable, "-m", "syncd_dingtalk.sandbox", "--qps", told]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def settings(url: str, qps: int | None) -> DingTalkSettings:
    """Return the settings of a target on a sandbox in another process."""
    own = SandboxSettings()
    return DingTalkSettings(
        app_key=own.app_key,
        app_secret=Secret.literal(own.app_secret),
        base_url=url,
        new_base_url=url,
        qps=qps,
        address_calls=None if qps is None else 8000,
    )
