"""syncd.yaml: every mistake told once, with its code and place; defaults; the environment; what decides the digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from syncd import plugins
from syncd.config import Settings, load
from syncd.config.durations import spelled
from syncd.config.parts import LIMITS, GuardSettings, Limit, StateSettings
from syncd.config.schema import config_schema
from syncd.config.secrets import Secret
from syncd.config.settings import secrets_of
from syncd.core.errors import Misconfigured
from syncd.core.model import Effect
from syncd_dingtalk import DingTalk

GOOD = """\
sources:
  hr:
    type: table
    rules: rules.yaml
    path: people.csv
    key: id
target:
  type: dingtalk
  rules: rules.yaml
  app_key: dingkey
  app_secret: {env: DING_SECRET}
"""


def settings(folder: Path, text: str = GOOD, env: Mapping[str, str] | None = None) -> Settings:
    (folder / "rules.yaml").touch()
    (folder / "syncd.yaml").write_text(text, encoding="utf-8")
    return load(folder / "syncd.yaml", env=env or {})


def told(folder: Path, text: str, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        settings(folder, text, env)
    return [
        f"{problem.code} {str(problem.place).removeprefix(f'{folder}/syncd.yaml:')}"
        for problem in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("add", "expected"),
    [
        ("targett: {}", "CFG-020 12:1"),
        ("writer: {concurrent: 3}", "CFG-020 12:10"),
        ("guard: {limits: {deletes: {count: 1}}}", "CFG-020 12:18"),
        ("guard: {limits: {leave: {most: 1}}}", "CFG-020 12:26"),
        ("writer: {concurrency: 0}", "CFG-022 12:23"),
        ("guard: {limits: {source_shrunk: {count: 1}}}", "CFG-022 12:17"),
        ("schedule: {every: 1s}", "CFG-022 12:11"),
        ("writer: {concurrency: many}", "CFG-023 12:23"),
        ("join: {correlate: userName}", "CFG-023 12:19"),
        ("join: {correlate: [employeeNumber, 12]}", "CFG-023 12:36"),
        ("leavers:", "CFG-023 12:9"),
        ("leavers: {policy: delete}", "CFG-024 12:19"),
        ("joiners: {ahead: 7}", "CFG-025 12:18"),
        ("joiners: {ahead: 7d, department: Leavers}", "CFG-067 12:10"),
        ("joiners: {tell: 0d}", "CFG-071 12:17"),
        ("joiners: {tell: 3d, say: [mobile]}", "CFG-024 12:27"),
        ("joiners: {tell: 3d, language: de}", "CFG-024 12:31"),
        ("logging: {format: xml}", "CFG-024 12:19"),
        ("schedule: {every: 15}", "CFG-025 12:19"),
        ("writer: {retries: [2m, 5x]}", "CFG-025 12:24"),
        ("leavers: {grace: 99999w}", "CFG-025 12:18"),
        ("state: {url: 'postgresql://u:pw@db/syncd'}", "CFG-026 12:14"),
        ("join: {correlate: [employee_number]}", "CFG-032 12:20"),
        ("join: {precedence: {titel: [hr]}}", "CFG-032 12:21"),
        ("join: {precedence: {title: [hrr]}}", "CFG-033 12:29"),
        ("join: {precedence: {title: [{source: hrr}]}}", "CFG-033 12:38"),
        ("join: {precedence: {title: [{source: hr, when: {usertype: x}}]}}", "CFG-032 12:49"),
        ("join: {precedence: {title: [{source: hr, when: {'hrr:userType': x}}]}}", "CFG-033 12:49"),
        ("join: {precedence: {title: [{source: hr, when: {userType: {is: x}}}]}}", "CFG-070 12:59"),
        ("join: {precedence: {title: [{source: hr, when: {userType: []}}]}}", "CFG-070 12:59"),
        ("join: {precedence: {title: [{source: hr, whenn: {}}]}}", "CFG-020 12:42"),
        ("join: {precedence: {title: [{source: hr, max_age: 7}]}}", "CFG-025 12:51"),
        ("join: {precedence: {title: [{source: hr, max_age: 7d}, hr]}}", "CFG-069 12:56"),
        ("state: {password: {envv: X}}", "ENV-001 12:19"),
    ],
)
def test_each_mistake_has_its_code_and_place(tmp_path: Path, add: str, expected: str) -> None:
    assert told(tmp_path, f"{GOOD}{add}\n") == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    key: id\n", "", ["CFG-021 3:5"]),
        ("    rules: rules.yaml\n", "", ["CFG-021 3:5"]),
        ("type: table", "type: tabel", ["PLG-001 3:11"]),
        ("type: dingtalk", "type: ''", ["CFG-022 8:9"]),
        ("rules: rules.yaml\n  app_key", "rules: rule.yaml\n  app_key", ["CFG-031 9:10"]),
        ("  hr:", "  HR-1:", ["CFG-034 2:3"]),
        ("  hr:", "  a__b:", ["CFG-034 2:3"]),
        ("    key: id", "    kye: id", ["CFG-021 3:5", "CFG-020 6:5"]),
        ("  app_key: dingkey\n", "  app_key: 12\n", ["CFG-023 10:12"]),
        ("  app_secret: {env: DING_SECRET}\n", "", ["DNG-073 8:3"]),
        ("{env: DING_SECRET}", "{env: }", ["ENV-001 11:15"]),
    ],
)
def test_each_mistake_in_an_entry_has_its_code_and_place(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    assert GOOD.count(old) == 1

    assert told(tmp_path, GOOD.replace(old, new)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target: {type: dingtalk, rules: rules.yaml, sandbox: {}}\n", ["CFG-021 1:1"]),
        ("sources: {}\ntarget: {type: dingtalk, rules: rules.yaml, sandbox: {}}\n", ["CFG-022 1:10"]),
        ("sources: [hr]\ntarget: dingtalk\n", ["CFG-023 1:10", "CFG-023 2:9"]),
    ],
)
def test_what_must_be_there_is_missed(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert told(tmp_path, text) == expected


def test_mistakes_of_every_part_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("key: id", "key: ''").replace("type: dingtalk", "type: dingtlak").replace("path:", "pathh:")

    assert told(tmp_path, f"{text}foo: 1\nwriter: {{batch: 0}}\n", {"SYNCD_WRITER_BATCH": "1"}) == [
        "ENV-009 SYNCD_WRITER_BATCH",
        "CFG-021 3:5",
        "CFG-020 5:5",
        "CFG-022 6:10",
        "PLG-001 8:9",
        "CFG-020 12:1",
        "CFG-022 13:17",
    ]


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example of a consumer from outside, as if it were installed."""
    example = Path(__file__).parents[2] / "examples" / "consumer"
    home = tmp_path / "site" / "syncd_notebook-0.1.0.dist-info"
    home.mkdir(parents=True)
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: syncd-notebook\nVersion: 0.1.0\n")
    (home / "entry_points.txt").write_text("[syncd.consumers]\nnotebook = syncd_notebook:Notebook\n")
    monkeypatch.syspath_prepend(str(example))
    monkeypatch.syspath_prepend(str(home.parent))
    plugins._points.cache_clear()
    yield
    plugins._points.cache_clear()


def test_nobody_is_told_unless_somebody_is_named(tmp_path: Path) -> None:
    assert settings(tmp_path).consumers == {}


@pytest.mark.usefixtures("notebook")
def test_a_consumer_has_settings_of_its_own_and_no_rules(tmp_path: Path) -> None:
    loaded = settings(tmp_path, f"{GOOD}consumers:\n  who: {{type: notebook, file: who.json}}\n")

    assert loaded.consumers["who"].settings.file == Path("who.json")
    assert loaded.digest() == settings(tmp_path).digest(), "who listens does not decide what is written"


@pytest.mark.usefixtures("notebook")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{type: notebok, file: a}", ["PLG-001 13:15"]),
        ("{type: notebook}", ["CFG-021 13:8"]),
        ("{type: notebook, fle: a}", ["CFG-021 13:8", "CFG-020 13:25"]),
        ("{type: notebook, file: a, rules: rules.yaml}", ["CFG-020 13:34"]),
        ("{type: notebook, file: 12}", ["CFG-023 13:31"]),
        ("{file: a}", ["CFG-021 13:8"]),
        ("notebook", ["CFG-023 13:8"]),
    ],
)
def test_each_mistake_of_a_consumer_has_its_code_and_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert told(tmp_path, f"{GOOD}consumers:\n  who: {text}\n") == expected


@pytest.mark.usefixtures("notebook")
def test_the_environment_overrules_a_consumers_setting_too(tmp_path: Path) -> None:
    text = f"{GOOD}consumers:\n  who: {{type: notebook, file: who.json}}\n"

    loaded = settings(tmp_path, text, {"SYNCD_CONSUMERS__WHO__FILE": "other.json"})

    assert loaded.consumers["who"].settings.file == Path("other.json")
    assert told(tmp_path, text.replace("  who:", "  Who:")) == ["CFG-034 13:3"]


@pytest.mark.usefixtures("notebook")
def test_an_editor_knows_the_settings_of_a_consumer_that_is_installed() -> None:
    entry = config_schema()["$defs"]["ConsumerEntry"]

    assert [(each["title"], each["required"]) for each in entry["oneOf"]] == [("notebook", ["type", "file"])]
    assert config_schema(distribution="syncd")["$defs"]["ConsumerEntry"]["additionalProperties"] is True


def test_a_refused_value_is_never_repeated(tmp_path: Path) -> None:
    text = f"{GOOD}writer: {{concurrency: swordfish}}\nleavers: {{policy: swordfish, grace: swordfish}}\n"

    with pytest.raises(Misconfigured) as caught:
        settings(tmp_path, text.replace("{env: DING_SECRET}", "[swordfish]"))

    assert len(caught.value.problems) == 4
    assert "swordfish" not in str(caught.value)


def test_a_message_says_what_the_setting_means(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="How many changes are on their way at once"):
        settings(tmp_path, f"{GOOD}writer: {{concurrency: 0}}\n")


# --- what is there when nothing is wrong ---


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    loaded = settings(tmp_path)

    assert loaded.base == tmp_path
    assert loaded.sources["hr"].rules == tmp_path / "rules.yaml"
    assert loaded.state.url == f"sqlite:///{tmp_path}/var/syncd.db"


def test_the_connectors_own_settings_are_instances_of_their_models(tmp_path: Path) -> None:
    entry = settings(tmp_path).sources["hr"]

    assert type(entry.settings) is entry.plugin.settings
    assert entry.settings.key == "id"


def test_a_secret_knows_where_it_is_written(tmp_path: Path) -> None:
    ((loc, secret),) = secrets_of(settings(tmp_path))

    assert (loc, str(secret.place)) == (("target", "app_secret"), f"{tmp_path}/syncd.yaml:11:15")


def test_settings_never_show_a_secret(tmp_path: Path) -> None:
    loaded = settings(tmp_path, GOOD.replace("{env: DING_SECRET}", "swordfish"))

    assert "swordfish" not in f"{loaded!r}{loaded.model_dump_json()}"


def test_the_environment_overrules_the_file(tmp_path: Path) -> None:
    env = {
        "SYNCD_TARGET__APP_SECRET": "12345",
        "SYNCD_TARGET__QPS": "40",
        "SYNCD_SOURCES__HR__KEY": "0123",
        "SYNCD_WRITER__RETRIES": '["1m"]',
        "SYNCD_GUARD__LIMITS__LEAVE__COUNT": "7",
        "SYNCD_GUARD__PER_UNIT_PERCENT": "null",
        "SYNCD_CONFIG": "elsewhere.yaml",
        "SYNCD_DEBUG": "1",
        "HOME": "/root",
    }

    loaded = settings(tmp_path, env=env)

    assert loaded.target.settings.app_secret.reveal() == "12345"
    assert loaded.target.settings.qps == 40
    assert loaded.sources["hr"].settings.key == "0123"
    assert loaded.writer.retries == [timedelta(minutes=1)]
    assert loaded.guard.limits[Effect.LEAVE] == Limit(count=7, percent=5)
    assert loaded.guard.per_unit_percent is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SYNCD_TARGET_QPS", "40", "Did you mean SYNCD_TARGET__QPS?"),
        ("SYNCD_WRITTER__BATCH", "1", "Did you mean 'writer'?"),
        ("SYNCD_WRITER__BATCH", "0", "SYNCD_WRITER__BATCH: The setting 'batch'"),
        ("SYNCD_GUARD__APPROVERS", "[anna", "ENV-010"),
        ("SYNCD_TARGET__QSP", "1", "There is no setting 'qsp' here. Did you mean 'qps'?"),
    ],
)
def test_a_variable_that_is_wrong_is_named(tmp_path: Path, name: str, value: str, expected: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        settings(tmp_path, env={name: value})

    assert expected in str(caught.value)
    assert str(caught.value.problems[0].place) == name


def test_the_file_is_looked_for_in_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()

    assert load(env={}).path == Path("syncd.yaml")
    assert load(env={"SYNCD_CONFIG": str(tmp_path / "syncd.yaml")}).path == tmp_path / "syncd.yaml"
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setattr("syncd.config.loading.SYSTEM_WIDE", tmp_path / "nowhere.yaml")
    with pytest.raises(Misconfigured, match="CFG-030"):
        load(env={})


# --- the digest ---


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("key: id", "key: number"),
        ("app_key: dingkey", "app_key: other"),
        ("  hr:", "  people:"),
        ("target:\n", "leavers: {policy: remove}\ntarget:\n"),
        ("target:\n", "join: {correlate: [userName]}\ntarget:\n"),
    ],
)
def test_the_digest_changes_with_what_decides_results(tmp_path: Path, old: str, new: str) -> None:
    assert settings(tmp_path).digest() != settings(tmp_path, GOOD.replace(old, new)).digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{env: DING_SECRET}", "{file: secret}"),
        ("target:\n", "# a remark\ntarget:\n"),
        ("target:\n", "joiners: {tell: 3d, say: [name], language: id}\ntarget:\n"),
        ("target:\n", "schedule: {every: 1h}\nguard: {first_run: apply}\nlogging: {level: debug}\ntarget:\n"),
    ],
)
def test_the_digest_stays_when_nothing_that_decides_changes(tmp_path: Path, old: str, new: str) -> None:
    assert settings(tmp_path).digest() == settings(tmp_path, GOOD.replace(old, new)).digest()


def test_managers_are_told_only_by_a_target_that_can_tell_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{GOOD}joiners: {{tell: 3d}}\n"
    assert settings(tmp_path, text).joiners.say == ["name", "department"]

    monkeypatch.delattr(DingTalk, "send")

    assert told(tmp_path, text) == ["CFG-072 12:10"]


def test_the_digest_changes_with_the_text_of_a_rule_file(tmp_path: Path) -> None:
    loaded = settings(tmp_path)
    before = loaded.digest()

    (tmp_path / "rules.yaml").write_text("rules: inbound\n", encoding="utf-8")

    assert loaded.digest() != before


# --- single parts ---


def test_every_effect_on_people_has_a_limit_of_its_own() -> None:
    assert set(LIMITS) == set(Effect) - {Effect.SOURCE_SHRUNK}


def test_a_limit_that_is_named_in_part_keeps_the_rest_of_its_default() -> None:
    guard = GuardSettings.model_validate({"limits": {"leave": {"count": 3}, "move": {"percent": None}}})

    assert guard.limits[Effect.LEAVE] == Limit(count=3, percent=5)
    assert guard.limits[Effect.MOVE] == Limit(count=500, percent=None)
    assert guard.limits[Effect.LOGIN] == LIMITS[Effect.LOGIN]


def test_the_guard_is_told_its_limits_in_its_own_words() -> None:
    limits = GuardSettings.model_validate({"limits": {"leave": {"count": 0, "percent": None}}}).judged_by()

    assert (limits.by_effect[Effect.LEAVE].count, limits.by_effect[Effect.LEAVE].percent) == (0, None)
    assert limits.minimum_population == 50


@pytest.mark.parametrize("text", ["45s", "15m", "12h", "30d", "1h30m", "0s"])
def test_a_duration_is_spelled_as_it_is_read(text: str) -> None:
    grace = GuardSettings.model_validate({"hold_expires": text}).hold_expires

    assert spelled(grace) == text


def test_the_password_of_a_database_is_put_into_its_url_only_for_the_driver() -> None:
    state = StateSettings(url="postgresql+psycopg://syncd@db:5432/syncd", password=Secret.literal("a/b@c"))

    assert state.connection() == "postgresql+psycopg://syncd:a%2Fb%40c@db:5432/syncd"
    assert "a/b" not in repr(state)
