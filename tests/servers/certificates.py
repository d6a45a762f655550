"""Test certificates through the `openssl` command: an authority, and servers' certificates signed by it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        """The authority's own certificate, PEM."""
        return self.folder / "ca.pem"

    @classmethod
    def create(cls, folder: Path, *, name: str = "Example Test CA") -> Authority:
        """Make a new authority in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        _openssl(
            folder,
            *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"],
            *("-keyout", "ca.key", "-out", "ca.pem", "-subj", f"/CN={name}"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        return cls(folder=folder)

    def copy(self, folder: Path) -> Authority:
        """Return the same authority in another folder: what it issues there is trusted by whoever trusts this one."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("ca.key", "ca.pem"):
            shutil.copy2(self.folder / name, folder)
        return Authority(folder=folder)

    def issue(self, name: str, *, ip: str, days: int = 30) -> tuple[Path, Path]:
        """Return (certificate, key) for `ip`; a negative number of days makes one that has expired."""
        _openssl(
            self.folder,
            *["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
            *("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}.corp.example.com"),
        )
        (self.folder / f"{name}.ext").write_text(
            f"subjectAltName=DNS:{name}.corp.example.com,IP:{ip}\nextendedKeyUsage=serverAuth\n", encoding="ascii"
        )
        _openssl(
            self.folder,
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "4711"),
            *("-days", str(days), "-out", f"{name}.pem", "-extfile", f"{name}.ext"),
        )
        key = self.folder / f"{name}.key"
        key.chmod(0o600)
        return self.folder / f"{name}.pem", key


def _openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {words[0]} failed: {done.stderr.strip()[-500:]}")
