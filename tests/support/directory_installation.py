"""An installation that reads a real domain controller, made as IT makes it: `syncd init`, and then an editor."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from servers.samba import BASE_DN, SambaDomain
from support.installation import REPOSITORY, Installation


class DirectoryInstallation(Installation):
    """One folder, begun with `syncd init --source active_directory`; `edit` replaces text in syncd.yaml, as an editor does."""

    def __init__(self, folder: Path, url: str, domain: SambaDomain, *, port: int = 636) -> None:
        self.folder, self.url, self.people = folder, url, []
        self.password = domain.password
        folder.mkdir(parents=True, exist_ok=True)
        self.begun = self.run("init", ".", "--source", "active_directory")
        shutil.copy(domain.ca_file, folder / "corp-ca.pem")
        self.edit(
            {
                "servers: [ldaps://dc1.corp.example.com]  # CHANGE-ME": f"servers: [ldaps://{domain.host}:{port}]",
                "# ca_file: null\n    # The account": "ca_file: corp-ca.pem\n    # The account",
                f"user: {domain.bind_user}  # CHANGE-ME": f"user: {domain.dirsync_user}",
                "{env: ACTIVE_DIRECTORY_PASSWORD}  # CHANGE-ME": "{env: ACTIVE_DIRECTORY_PASSWORD}",
                f'base: ["{BASE_DN}"]  # CHANGE-ME': f'base: ["{BASE_DN}"]',
                "app_key: CHANGE-ME  # CHANGE-ME": "app_key: dingsandboxkey",
                "{env: DINGTALK_APP_SECRET}  # CHANGE-ME": "{env: DINGTALK_APP_SECRET}",
                "# base_url: https://oapi.dingtalk.com": f"base_url: {url}",
                "# new_base_url: https://api.dingtalk.com": f"new_base_url: {url}",
                "# qps: 20": "qps: null",
                "# address_calls: 8000": "address_calls: null",
            }
        )

    def edit(self, changes: dict[str, str], *, file: str = "syncd.yaml") -> None:
        """Replace each text, which must be there exactly once."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `syncd` with these arguments, and the secrets in the environment."""
        return subprocess.Popen(
            [sys.executable, "-m", "syncd", *arguments],
            cwd=self.folder,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'connectors'}",
                "ACTIVE_DIRECTORY_PASSWORD": self.password,
                "DINGTALK_APP_SECRET": "sandbox-secret",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
