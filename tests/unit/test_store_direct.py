"""Statements that go to SQLite's driver as they are: the same answers as by the usual way, and the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from syncd.store.direct import Direct, Told

THINGS: Final = Table(
    "things",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("count", Integer),
    Column("sure", Boolean(create_constraint=False)),
    Column("body", LargeBinary),
)
ROWS: Final[list[dict[str, Any]]] = [
    {"name": "a", "count": 1, "sure": True, "body": b"\0x"},
    {"name": "b", "count": None, "sure": False, "body": None},
    {"name": "c", "count": 3, "sure": None, "body": b""},
]
AMONG: Final = (
    select(THINGS).where(THINGS.c.name.in_(bindparam("ids", expanding=True)), THINGS.c.name != "z").order_by("name")
)
PAIRS: Final = select(THINGS.c.name).where(
    tuple_(THINGS.c.name, THINGS.c.count).in_(bindparam("pairs", expanding=True))
)
RAISE: Final = (
    update(THINGS)
    .where(THINGS.c.name == bindparam("one"))
    .values(count=THINGS.c.count + bindparam("step"))
    .returning(THINGS.c.count)
)
ADD: Final = insert(THINGS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'things.db'}", hide_parameters=True)
    THINGS.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(ADD, ROWS)
    yield engine
    engine.dispose()


def asked(connection: Connection, question: Any, fields: dict[str, Any], times: int = 4) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in connection.execute(question, fields)] for _ in range(times)]


def test_a_known_statement_is_answered_as_the_usual_way_answers(engine: Engine) -> None:
    fields = {"ids": ["a", "b", "c", "nobody"]}
    with engine.begin() as usual:
        expected = asked(usual, AMONG, fields, times=1)[0]
    with Direct(engine) as connection, connection.begin():
        assert asked(connection, AMONG, fields) == [expected] * 4
        direct = connection.execute(AMONG, fields)
        assert isinstance(direct, Told)
        row = direct.first()
        assert (row.name, row._mapping["count"], row.sure, row.body) == ("a", 1, True, b"\0x")
        assert connection.execute(AMONG, {"ids": ["c"]}).all()[0].sure is None
        assert connection.execute(AMONG, {"ids": ["b"]}).scalar_one() == "b"
        assert connection.execute(AMONG, {"ids": ["nobody"]}).first() is None


def test_an_answer_that_was_left_half_read_holds_up_nobody(engine: Engine) -> None:
    with Direct(engine) as connection, connection.begin():
        asked(connection, AMONG, {"ids": ["a", "b", "c"]})
        half = iter(connection.execute(AMONG, {"ids": ["a", "b", "c"]}))
        assert next(half).name == "a"
        assert connection.execute(AMONG, {"ids": ["b", "c"]}).first() is not None
        assert [row.name for row in half] == ["b", "c"]
        connection.exec_driver_sql("DELETE FROM things")
        assert asked(connection, AMONG, {"ids": ["a"]}) == [[]] * 4


def test_tuples_are_the_drivers_own_and_are_heard_of_by_whoever_listens(engine: Engine) -> None:
    words, heard = "SELECT name, count FROM things WHERE name > ? ORDER BY name", list[str]()
    connection = Direct(engine)
    with connection, connection.begin():
        assert connection.tuples(words, ["a"]) == [("b", None), ("c", 3)]
        event.listen(connection, "before_cursor_execute", lambda *said: heard.append(said[2]))
        assert connection.tuples(words, ["b"]) == [("c", 3)]
    assert heard == [words]


def test_a_list_may_be_empty_and_may_be_of_pairs(engine: Engine) -> None:
    with Direct(engine) as connection, connection.begin():
        assert asked(connection, AMONG, {"ids": []}) == [[]] * 4
        assert asked(connection, PAIRS, {"pairs": [("a", 1), ("c", 2)]}) == [[("a",)]] * 4


def test_a_statement_may_be_asked_with_other_names_than_before(engine: Engine) -> None:
    with Direct(engine) as connection, connection.begin():
        for name in ("d", "e", "f"):
            connection.execute(ADD, {"name": name})
        connection.execute(ADD, {"name": "g", "sure": True})
        found = connection.execute(select(THINGS.c.name, THINGS.c.sure).where(THINGS.c.name > "c")).all()
    assert [tuple(row) for row in found] == [("d", None), ("e", None), ("f", None), ("g", True)]


def test_what_is_changed_is_counted_and_told(engine: Engine) -> None:
    with Direct(engine) as connection, connection.begin():
        assert [connection.execute(RAISE, {"one": "a", "step": 2}).scalar() for _ in range(4)] == [3, 5, 7, 9]
        nobody = [connection.execute(RAISE, {"one": "nobody", "step": 2}).first() for _ in range(3)]
        assert nobody == [None] * 3
        assert connection.exec_driver_sql("DELETE FROM things WHERE name > ?", ("a",)).rowcount == 2
        assert connection.exec_driver_sql("SELECT count FROM things").scalar() == 9


def test_an_error_is_sqlalchemys_and_shows_no_value(engine: Engine) -> None:
    row = {"name": "a", "count": 1, "sure": True, "body": b"secret"}
    with Direct(engine) as connection, connection.begin():
        for _ in range(4):
            with pytest.raises(IntegrityError) as error:
                connection.execute(ADD, row)
            assert "secret" not in str(error.value)


def test_whoever_listens_to_what_is_executed_hears_all_of_it(engine: Engine) -> None:
    heard: list[str] = []
    with Direct(engine) as connection, connection.begin():
        asked(connection, AMONG, {"ids": ["a"]})
        event.listen(connection, "before_cursor_execute", lambda *said: heard.append(said[2]))
        asked(connection, AMONG, {"ids": ["a"]}, times=3)
    assert len(heard) == 3
