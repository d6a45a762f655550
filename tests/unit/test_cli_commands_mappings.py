"""`syncd mappings`: rules listed, tested, and compared with new ones before anything is written."""

from __future__ import annotations

import pytest

from support.office import Office, Opened
from support.small_world import INBOUND, OUTBOUND, SmallWorld

CASES = """\
cases:
  - name: A person of the bakery
    record: {id: e1, name: Example One, kind: staff, state: here, mobile: "138", unit: team}
    expect: {employeeNumber: e1, displayName: %s}
"""


def company(world: SmallWorld) -> None:
    world.company(4)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    return opened(prepare=company)


def cases(office: Office, expected: str, folder: str = ".") -> None:
    (office.folder / folder / "cases").mkdir(exist_ok=True, parents=True)
    (office.folder / folder / "cases" / "in.yaml").write_text(CASES % expected)


def test_list_shows_files_digests_and_what_they_read(office: Office) -> None:
    ran = office.run("mappings", "list")
    assert "in.yaml" in ran.out
    assert "outbound" in ran.out
    assert "hr reads of a person: " in ran.out
    assert [one["name"] for one in office.run("mappings", "list", "--json").json] == ["hr", "memory"]


def test_cases_that_hold_pass(office: Office) -> None:
    cases(office, "Example One")
    ran = office.run("mappings", "test")
    assert (ran.code, "1 case passed." in ran.out) == (0, True)
    assert "A person of the bakery" in office.run("mappings", "test", "--all").out


def test_a_case_that_fails_is_shown_with_expected_and_actual_and_ends_with_3(office: Office) -> None:
    cases(office, "Example Two")
    ran = office.run("mappings", "test")
    assert ran.code == 3
    for text in ("A person of the bakery  cases/in.yaml:2", "expected  Example Two", "came      Example One"):
        assert text in ran.out


def test_without_cases_that_is_said(office: Office) -> None:
    ran = office.run("mappings", "test")
    assert (ran.code, "There are no cases" in ran.out) == (0, True)
    ran = office.run("mappings", "test", str(office.folder / "in.yaml"))
    assert (ran.code, "CLI-124" in ran.err) == (3, True)


@pytest.mark.parametrize("name", ["new/in.yaml", "new/cases/in.yaml"])
def test_rules_that_are_not_in_use_yet_are_tested_by_either_file(office: Office, name: str) -> None:
    cases(office, "EXAMPLE ONE", "new")
    (office.folder / "new" / "in.yaml").write_text(
        INBOUND.replace("displayName: name", "displayName: {from: name, via: [upper]}", 1)
    )
    assert office.run("mappings", "test", str(office.folder / name)).code == 0


def test_diff_shows_whom_new_rules_would_change_and_writes_nothing(office: Office) -> None:
    new = office.folder / "new.yaml"
    new.write_text(OUTBOUND.replace("name: displayName", "name: {from: displayName, via: [upper]}", 1))
    tenant = office.world.tenant()
    ran = office.run("mappings", "diff", str(new))
    assert ran.code == 0
    assert "name: Example 3 → EXAMPLE 3  new.yaml:7" in ran.out
    assert "4 of 6 objects would change. Nothing was written." in ran.out
    assert office.world.tenant() == tenant
    assert office.run("mappings", "diff", str(new), "--exit-code").code == 10


def test_the_rules_in_use_change_nobody(office: Office) -> None:
    ran = office.run("mappings", "diff", str(office.folder / "out.yaml"), "--exit-code")
    assert (ran.code, "Nobody changes" in ran.out) == (0, True)


def test_somebody_whom_new_rules_leave_out_is_told(office: Office) -> None:
    (office.folder / "new").mkdir()
    (office.folder / "new" / "in.yaml").write_text(INBOUND.replace("kind == 'service'", "id == 'e3'"))
    ran = office.run("mappings", "diff", str(office.folder / "new"))
    assert "written → excluded: service account" in ran.out
    assert "1 of 6" in ran.out


def test_new_rules_that_are_wrong_are_told_with_their_place(office: Office) -> None:
    new = office.folder / "new.yaml"
    new.write_text(OUTBOUND.replace("name: displayName", "nam: displayName", 1))
    ran = office.run("mappings", "diff", str(new))
    assert (ran.code, "new.yaml:7" in ran.err) == (3, True)


@pytest.mark.parametrize(("words", "message"), [(("in.yaml", "--for", "hrr"), "CLI-121"), (("empty",), "CLI-122")])
def test_what_cannot_be_compared_is_refused(office: Office, words: tuple[str, ...], message: str) -> None:
    (office.folder / "empty").mkdir()
    ran = office.run("mappings", "diff", str(office.folder / words[0]), *words[1:])
    assert (ran.code, message in ran.err) == (2, True)


def test_a_new_file_that_could_be_several_sources_needs_a_name(office: Office) -> None:
    office.settings.sources["ad"] = office.settings.sources["hr"]
    (office.folder / "other.yaml").write_text(INBOUND)
    ran = office.run("mappings", "diff", str(office.folder / "other.yaml"))
    assert (ran.code, "CLI-120" in ran.err) == (2, True)
    assert office.run("mappings", "diff", str(office.folder / "other.yaml"), "--for", "hr").code == 0


def test_functions_are_listed_and_one_is_shown_with_examples(office: Office) -> None:
    assert "truncate" in office.run("mappings", "functions").out
    said = office.run("mappings", "functions", "truncate").out
    assert "via: [{truncate: 12}]" in said
    assert "The most characters to keep." in said
    assert office.run("mappings", "functions", "truncate", "--json").json["name"] == "truncate"


def test_an_unknown_function_is_told_with_the_one_that_was_meant(office: Office) -> None:
    ran = office.run("mappings", "functions", "trimm")
    assert (ran.code, "Did you mean 'trim'?" in ran.err) == (2, True)
