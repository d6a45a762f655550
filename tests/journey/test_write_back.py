"""What DingTalk made up, and a hand edit that is accepted, reach a real directory and rest there.

On OpenLDAP by the command line, and on a domain controller in this process. The accounts may write two attributes and no others.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from servers.administrator import Administrator
from servers.dingtalk_control import by_hand
from servers.openldap import OpenLdap
from servers.openldap import missing as openldap_missing
from servers.samba import BASE_DN, SambaDomain
from servers.samba import missing as samba_missing
from support.installation import REPOSITORY, Installation
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow

_CONFIG: Final = """\
sources:
  directory:
    type: {type}
    rules: mappings/{rules}.yaml
    servers: [{url}]
    ca_file: {ca_file}
    user: {user}
    password: {{env: DIRECTORY_PASSWORD}}
    base: ["{base}"]
target:
  type: dingtalk
  rules: mappings/dingtalk.yaml
  base_url: {sandbox}
  new_base_url: {sandbox}
  app_key: dingsandboxkey
  app_secret: {{env: SANDBOX_SECRET}}
  qps: null
  address_calls: null
state: {{url: "sqlite:///syncd.db"}}
drift: {{fields: {{telephone: accept}}}}
guard: {{first_run: apply, limits: {{write_back: {{count: 5, percent: null}}, update: {{percent: null}}}}}}
logging: {{level: error}}
"""
_RULES: Final = """
write_back:
  title: unionid
  telephoneNumber: {from: telephone, when: drift}
"""
"""`title` is not otherwise read in these rules, so DingTalk decides about it alone."""


class Office(Installation):
    """An installation that reads one small branch of a directory, and writes back to it."""

    def __init__(self, folder: Path, sandbox: str, config: str, *, rules: str, password: str) -> None:
        self.folder, self.url, self.people = folder, sandbox, []
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "SANDBOX_SECRET": "sandbox-secret",
            "DIRECTORY_PASSWORD": password,
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'connectors'}",
        }
        shutil.copytree(REPOSITORY / "mappings", folder / "mappings", dirs_exist_ok=True)
        (folder / "syncd.yaml").write_text(config, encoding="utf-8")
        path = folder / "mappings" / f"{rules}.yaml"
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("    title:")]
        path.write_text("\n".join(lines) + "\n" + _RULES, encoding="utf-8")

    def born(self) -> dict[str, str]:
        """Return the unionids of our people, by name."""
        users = self.control("state")["users"]
        return {str(user["name"]): str(user["unionid"]) for user in users if user["userid"] != "manager0001"}


def _branch(editor: Administrator, above: str) -> str:
    unit = editor.add_unit("Example Branch", above=above)
    for number in range(1, 7):
        editor.add(f"example.{number}", name=f"Example Person{number}", unit=unit, mobile=f"+86 138 0000 000{number}")
    return unit


def test_on_openldap_by_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := openldap_missing():
        pytest.fail(reason)
    monkeypatch.setenv("SANDBOX_SECRET", "sandbox-secret")
    with OpenLdap() as server, SandboxServer(SandboxSettings(qps=None)) as sandbox:
        editor = server.editor
        unit = _branch(editor, server.company_dn)
        server.grant("title", "telephoneNumber")
        place = {"type": "ldap", "rules": "ldap", "url": server.url, "ca_file": server.ca_file}
        config = _CONFIG.format(**place, user=server.bind_user, base=unit, sandbox=sandbox.url)
        office = Office(tmp_path, sandbox.url, config, rules="ldap", password=server.password)
        monkeypatch.setenv("DIRECTORY_PASSWORD", server.password)

        assert "written back to directory" in office.run("check")
        office.cycles(1)
        assert "People: written back to their sources (6)" in office.run("plan")
        ((hold,),) = [one.holds for one in office.cycles(1)]
        assert _titles(editor) == {}, "six at once reach the limit"
        office.run("hold", "release", hold.id, "--reason", "looked at")
        office.run("sync")
        assert _titles(editor) == office.born()

        (who,) = [user for user in office.control("state")["users"] if user["name"] == "Example Person1"]
        by_hand(office.url, "user/update", userid=who["userid"], telephone="021-5550001")
        office.cycles(4, fresh=True)

        assert editor.values(editor.dn("example.1"), "telephoneNumber") == ["021-5550001"]
        for fresh in (False, True, False):
            (quiet,) = office.cycles(1, fresh=fresh)
            assert not quiet.reconciliation.plan.changes


@pytest.mark.samba
@pytest.mark.xdist_group("samba")
def test_on_a_domain_controller_with_a_delegated_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := samba_missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    monkeypatch.setenv("SANDBOX_SECRET", "sandbox-secret")
    with SambaDomain() as domain, SandboxServer(SandboxSettings(qps=None)) as sandbox:
        editor = domain.editor
        unit = _branch(editor, f"OU=Company,{BASE_DN}")
        domain.grant(unit, "Title", "Telephone-Number", user="svc-dirsync")
        monkeypatch.setenv("DIRECTORY_PASSWORD", domain.password)
        place = {"type": "active_directory", "rules": "active_directory", "url": f"ldaps://{domain.host}"}
        config = _CONFIG.format(
            **place, ca_file=domain.ca_file, user=domain.dirsync_user, base=unit, sandbox=sandbox.url
        ).replace("count: 5", "count: 50")
        office = Office(tmp_path, sandbox.url, config, rules="active_directory", password=domain.password)

        rounds = office.cycles(8)

        assert len(rounds) <= 4
        assert _titles(editor) == office.born()
        assert not any(one.reconciliation.plan.changes for one in office.cycles(3, fresh=True))


def _titles(editor: Administrator) -> dict[str, str]:
    """Return what our people hold in `title`, by name."""
    held = {f"Example Person{number}": editor.values(editor.dn(f"example.{number}"), "title") for number in range(1, 7)}
    return {name: values[0] for name, values in held.items() if values}
