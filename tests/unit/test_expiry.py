"""What ends one day: seen where it is configured or shown, kept, told in time, and forgotten when it was renewed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.alerts import Watch, health, policy
from support.small_world import SmallWorld, run
from syncd.alerts.wording import Wording
from syncd.config.ending import end_of, ends_of
from syncd.config.settings import load
from syncd.core.errors import Misconfigured
from syncd.engine import expiry
from syncd.engine.health import health as health_of
from syncd.testing.memory import MemorySource

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


def certificate(ends: datetime, *, authority: bool = False) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - timedelta(days=400))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def test_of_a_chain_the_server_s_own_counts_and_of_authorities_the_last(tmp_path: Path) -> None:
    soon, later = NOW + timedelta(days=10), NOW + timedelta(days=900)
    chain, authorities = tmp_path / "chain.pem", tmp_path / "ca.pem"
    chain.write_bytes(certificate(soon) + certificate(later, authority=True))
    authorities.write_bytes(certificate(soon, authority=True) + certificate(later, authority=True))
    assert end_of(chain) == soon
    assert end_of(authorities) == later


@pytest.mark.parametrize(
    "text", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_certificates_tells_nothing(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(text)
    assert end_of(file) is None
    assert end_of(tmp_path / "missing.pem") is None


CONFIG = """\
sources:
  hr: {{type: table, path: people.csv, key: id, rules: in.yaml}}
target:
  type: dingtalk
  rules: out.yaml
  app_key: example
  app_secret: {secret}
  ca_file: ca.pem
"""


def configured(folder: Path, secret: str) -> dict[str, datetime]:
    (folder / "in.yaml").write_text("version: 1\nrules: inbound\n")
    (folder / "out.yaml").write_text("version: 1\nrules: outbound\n")
    (folder / "syncd.yaml").write_text(CONFIG.format(secret=secret))
    return ends_of(load(folder / "syncd.yaml", env={}))


def test_the_configuration_tells_what_it_names(tmp_path: Path) -> None:
    ends = NOW + timedelta(days=200)
    (tmp_path / "ca.pem").write_bytes(certificate(ends, authority=True))
    assert configured(tmp_path, "{env: DINGTALK_SECRET, expires: 2027-01-31}") == {
        "the secret target.app_secret": datetime(2027, 1, 31, tzinfo=UTC),
        "the certificate target.ca_file": ends,
    }
    assert configured(tmp_path, "{env: DINGTALK_SECRET, expires: '2027-01-31'}")["the secret target.app_secret"]
    assert list(configured(tmp_path, "{env: DINGTALK_SECRET}")) == ["the certificate target.ca_file"]


@pytest.mark.parametrize("end", ["soon", "2027-13-01", "7", "2027-01-31T00:00:00Z", "[2027-01-31]"])
def test_an_end_that_is_no_day_is_refused(tmp_path: Path, end: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        configured(tmp_path, f"{{env: DINGTALK_SECRET, expires: {end}}}")
    assert caught.value.problems[0].code == "ENV-001"


class Shown(MemorySource):
    """A source whose server showed a certificate."""

    until = NOW + timedelta(days=10)

    def ends(self) -> dict[str, datetime]:
        return {"the certificate of ldaps://dc1.example": self.until}


def test_from_what_a_server_shows_to_the_alert_and_after_the_renewal_to_its_end(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path)
    source = world.source = Shown({}, world.source.room)
    declared = {"the secret target.app_secret": NOW + timedelta(days=20)}
    engine = replace(world.world, ends=lambda: declared)
    watch = Watch(policy())

    def goes_on(minutes: int) -> list[tuple[str, str, str]]:
        told: list[tuple[str, str, str]] = []
        run(expiry.look(engine))
        for _ in range(minutes):
            told += watch.look(health(world.time, expiring=health_of(engine).expiring))
            world.time += timedelta(minutes=1)
        return told

    assert goes_on(5) == [("expiring_soon", "opened", "team")] * 2
    texts = [Wording().alert(one, now=world.time).title for one in watch.told]
    assert any("the certificate of ldaps://dc1.example (hr) ends on 2026-12-02" in text for text in texts)
    assert any("the secret target.app_secret ends on 2026-12-12" in text for text in texts)

    source.until = NOW + timedelta(days=365)
    declared.clear()
    assert goes_on(60) == [("expiring_soon", "resolved", "team")] * 2
    world.store.close()


def test_a_secret_that_ends_is_the_same_secret(tmp_path: Path) -> None:
    configured(tmp_path, "{env: DINGTALK_SECRET, expires: 2027-01-31}")
    settings = load(tmp_path / "syncd.yaml", env={})
    (tmp_path / "syncd.yaml").write_text(CONFIG.format(secret="{env: DINGTALK_SECRET}"))
    assert settings.target.settings.app_secret.expires == date(2027, 1, 31)
    assert settings.digest() == load(tmp_path / "syncd.yaml", env={}).digest()
