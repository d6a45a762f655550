"""The invented company that stands in the test directories: example people, 1,000 unless told, in units four levels deep.

Deterministic, and standard library only, because the interpreter that comes with Debian's Samba runs it too.
"""

from __future__ import annotations

from collections.abc import Iterator

PEOPLE = 1000
FILETIME_2020 = 132223104000000000
"""2020-01-01 as a Windows FILETIME (100 ns since 1601): an account that has expired."""
NEVER = 9223372036854775807

DISABLED = frozenset(range(100, 1000, 50))
EXPIRED = frozenset({123, 456, 789})

_CHINESE = ("示例", "样本", "模范", "例子", "范本")
_GIVEN = ("小明", "丽华", "伟强", "静怡", "建国", "美玲", "志远", "雅婷")
_INDONESIAN = ("Contoh", "Teladan", "Misal", "Umpama", "Ibarat")
_FIRST = ("Budi", "Siti", "Agus", "Dewi", "Eko", "Putri", "Joko", "Rina", "Nur’aini", "Raden Mas")
_TITLES = ("工程师", "Manajer Penjualan", "Accountant", "产品经理", "Staf Gudang", "Analyst")
_COUNTRIES = ("China 中国", "Indonesia")
_DIVISIONS = ("Sales, Marketing & Service", "Operations 运营", "Finance")
_TEAMS = ("North 北", "South 南")
_LEVEL_OF_TEAMS = 3


def _team_names(teams: int) -> tuple[str, ...]:
    return _TEAMS[:teams] + tuple(f"Team {number:03}" for number in range(len(_TEAMS) + 1, teams + 1))


def units(*, teams: int = len(_TEAMS)) -> Iterator[tuple[str, str, str]]:
    """Yield (path, name, description), parents first; a path is made of the names of the units from the top.

    There are six divisions with so many `teams` in each.
    """
    yield "Company", "Company", "Contoh Nusantara Group 示例集团"
    for country in _COUNTRIES:
        yield f"Company/{country}", country, f"Country {country}"
        for division in _DIVISIONS:
            yield f"Company/{country}/{division}", division, f"Division {division}"
            for team in _team_names(teams):
                yield f"Company/{country}/{division}/{team}", team, f"Team {team}"


def people(count: int = PEOPLE, *, teams: int = len(_TEAMS)) -> Iterator[dict[str, str]]:
    """Yield each person's attributes; `unit` is a path of `units`, `boss` is the login of the manager.

    The first thousand are the same in a company of any size with as many teams.
    """
    places = [path for path, _, _ in units(teams=teams) if path.count("/") == _LEVEL_OF_TEAMS]
    for number in range(1, count + 1):
        chinese = number % 2 == 0
        family = (_CHINESE if chinese else _INDONESIAN)[number % 5]
        given = _GIVEN[number % 8] if chinese else _FIRST[number % 10]
        person = {
            "login": f"user{number:04}",
            "unit": "Company" if number == 1 else places[number % len(places)],
            "cn": f"{family}{given} {number:04}" if chinese else f"{given} {family} {number:04}",
            "sn": family,
            "givenName": given,
            "displayName": f"{family}{given}" if chinese else f"{given} {family}",
            "mail": f"user{number:04}@example.com",
            # +86 199 0000 xxxx and +62 811-0000-xxxx: valid in form; the people are invented.
            "mobile": f"{'+86 199 ' if chinese else '+62 811-'}{number // 10000:04}{' -'[not chinese]}{number % 10000:04}",
            "title": _TITLES[number % 6],
            "department": places[number % len(places)].rsplit("/", 1)[-1],
            "company": "Contoh Nusantara Group",
            "employeeID": f"{number:06}",
        }
        if number > 1:
            person["boss"] = f"user{max(1, number // 10):04}"
        yield person


def groups(count: int = PEOPLE) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (name, members): logins, and names of groups that came before. No group has more than `PEOPLE` members."""
    logins = [f"user{number:04}" for number in range(1, min(count, PEOPLE) + 1)]
    yield "Managers", tuple(logins[:100])
    yield "Drivers, Jakarta", tuple(logins[200:260])
    yield "All Staff 全员", tuple(logins)
    yield "Everybody", ("All Staff 全员", "Drivers, Jakarta", "Managers")
