"""Makes the example company: Contoh Nusantara Group 示例集团 ("contoh" and 示例 both mean example), as an HR export.

    python examples/generate.py --people 300 --out examples/company.csv
    python examples/generate.py --people 5000 --out staff.xlsx

The same number of people gives the same file, byte for byte; nothing is random, and nobody in it exists. Mobile numbers are
well-formed but lie in ranges that belong to no subscriber: +86 1740 0… (satellite terminals) and +62 860 … (no operator).
Only the standard library is needed, and openpyxl for XLSX. This module knows nothing of syncd.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Final
from zlib import crc32

COLUMNS: Final = (
    "Employee Number",
    "Name",
    "Family Name",
    "Given Name",
    "Latin Name",
    "Job Title",
    "Company Code",
    "Company",
    "Division Code",
    "Division",
    "Team Code",
    "Team",
    "Manager Number",
    "Mobile",
    "Work Email",
    "Hire Date",
    "Last Working Day",
    "Location",
    "Country",
    "Employment Type",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team of a division: its code within the division, its name and its town."""

    code: str
    name: str
    town: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A division of a company, with the titles of its head, of a team's lead and of everybody else."""

    code: str
    name: str
    head: str
    lead: str
    staff: tuple[str, ...]
    teams: tuple[Team, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company of the group. `chinese` is how many of a hundred of its people have Chinese names."""

    code: str
    name: str
    town: str
    country: str
    chinese: int
    director: str
    divisions: tuple[Division, ...]


def _teams(town: str, *teams: str) -> tuple[Team, ...]:
    """Return teams written as `CODE name` or `CODE name @ town`."""
    made = []
    for text in teams:
        code, _, rest = text.partition(" ")
        name, _, elsewhere = rest.partition(" @ ")
        made.append(Team(code=code, name=name, town=elsewhere or town))
    return tuple(made)


GROUP: Final = (
    Company(
        code="CNG", name="Contoh Nusantara Group 示例集团", town="Jakarta", country="ID", chinese=45,
        director="Group Chief Executive Officer",
        divisions=(
            Division(
                code="FIN", name="Finance", head="Chief Financial Officer", lead="Finance Manager",
                staff=("Financial Analyst", "Accountant", "Senior Accountant"),
                teams=_teams("Jakarta", "CTR Controlling", "TRS Treasury"),
            ),
            Division(
                code="PPL", name="People and Culture", head="Chief People Officer", lead="People Manager",
                staff=("HR Business Partner", "HR Officer", "Learning Specialist"),
                teams=_teams("Jakarta", "OPS People Operations", "LRN Learning"),
            ),
        ),
    ),
    Company(
        code="CNI", name="PT Contoh Nusantara Indonesia", town="Jakarta", country="ID", chinese=3,
        director="Direktur Utama",
        divisions=(
            Division(
                code="SAL", name="Penjualan", head="Kepala Divisi Penjualan", lead="Manajer Penjualan",
                staff=("Staf Penjualan", "Staf Penjualan Senior", "Koordinator Wilayah"),
                teams=_teams("Jakarta", "JAW Penjualan Jawa @ Surabaya", "SUM Penjualan Sumatra @ Medan",
                             "SUL Penjualan Sulawesi @ Makassar"),
            ),
            Division(
                code="OPS", name="Operasional", head="Kepala Divisi Operasional", lead="Manajer Operasional",
                staff=("Staf Operasional", "Pengawas Gudang", "Perencana Logistik"),
                teams=_teams("Jakarta", "LOG Logistik", "GUD Gudang @ Semarang"),
            ),
            Division(
                code="LYN", name="Layanan Pelanggan", head="Kepala Layanan Pelanggan", lead="Manajer Layanan",
                staff=("Petugas Layanan", "Petugas Layanan Senior", "Teknisi Lapangan"),
                teams=_teams("Jakarta", "TEL Pusat Panggilan @ Yogyakarta", "LAP Layanan Lapangan"),
            ),
        ),
    ),
    Company(
        code="CND", name="PT Contoh Digital Nusantara", town="Bandung", country="ID", chinese=8,
        director="Managing Director",
        divisions=(
            Division(
                code="ENG", name="Engineering", head="Head of Engineering", lead="Engineering Manager",
                staff=("Software Engineer", "Senior Software Engineer", "Site Reliability Engineer", "Test Engineer"),
                teams=_teams("Bandung", "PLT Platform", "MOB Mobile", "QUA Quality"),
            ),
            Division(
                code="PRD", name="Product", head="Head of Product", lead="Product Lead",
                staff=("Product Manager", "Product Designer", "User Researcher"),
                teams=_teams("Bandung", "DSG Product Design", "RSC Product Research"),
            ),
        ),
    ),
    Company(
        code="CNS", name="示例贸易上海有限公司", town="上海", country="CN", chinese=97, director="总经理",
        divisions=(
            Division(
                code="SAL", name="销售部", head="销售总监", lead="销售经理", staff=("销售代表", "高级销售代表", "客户专员"),
                teams=_teams("上海", "HDQ 华东区", "HBQ 华北区 @ 北京", "HNQ 华南区 @ 广州"),
            ),
            Division(
                code="SCM", name="供应链部", head="供应链总监", lead="供应链经理", staff=("采购专员", "物流专员", "计划员"),
                teams=_teams("上海", "PUR 采购组", "LOG 物流组 @ 宁波"),
            ),
        ),
    ),
    Company(
        code="CNZ", name="示例科技深圳有限公司", town="深圳", country="CN", chinese=98, director="总经理",
        divisions=(
            Division(
                code="RND", name="研发部", head="研发总监", lead="研发经理", staff=("软件工程师", "高级软件工程师", "测试工程师"),
                teams=_teams("深圳", "PLT 平台组", "MOB 移动组", "TST 测试组"),
            ),
            Division(
                code="MFG", name="制造部", head="制造总监", lead="生产经理", staff=("技术员", "质检员", "生产组长"),
                teams=_teams("深圳", "PR1 生产一组 @ 东莞", "PR2 生产二组 @ 东莞", "QUA 质量组"),
            ),
        ),
    ),
)  # fmt: skip


def _words(text: str) -> tuple[str, ...]:
    """Return words that are written with commas between, or with blanks where no word holds one."""
    return tuple(text.split("," if "," in text else " "))


_SURNAMES: Final = _words(
    "李 Li,王 Wang,张 Zhang,刘 Liu,陈 Chen,杨 Yang,黄 Huang,赵 Zhao,吴 Wu,周 Zhou,徐 Xu,孙 Sun,马 Ma,朱 Zhu,胡 Hu,郭 Guo,"
    "何 He,林 Lin,高 Gao,罗 Luo,郑 Zheng,梁 Liang,谢 Xie,宋 Song,唐 Tang,许 Xu,韩 Han,冯 Feng,邓 Deng,曹 Cao,彭 Peng,"
    "曾 Zeng,萧 Xiao,田 Tian,董 Dong,潘 Pan,袁 Yuan,蔡 Cai,蒋 Jiang,余 Yu,于 Yu,杜 Du,叶 Ye,程 Cheng,魏 Wei,苏 Su,吕 Lyu,"
    "丁 Ding,任 Ren,卢 Lu,姚 Yao,沈 Shen,钟 Zhong,姜 Jiang,崔 Cui,单 Shan,仇 Qiu,解 Xie,区 Ou,"
    "欧阳 Ouyang,司马 Sima,上官 Shangguan"
)
_GIVEN: Final = _words(
    "伟 wei,芳 fang,娜 na,敏 min,静 jing,丽 li,强 qiang,磊 lei,军 jun,洋 yang,勇 yong,艳 yan,杰 jie,娟 juan,涛 tao,明 ming,"
    "超 chao,秀 xiu,霞 xia,平 ping,刚 gang,桂 gui,文 wen,辉 hui,玲 ling,建 jian,华 hua,红 hong,晓 xiao,宇 yu,浩 hao,欣 xin,"
    "雨 yu,佳 jia,子 zi,思 si,嘉 jia,一 yi,俊 jun,志 zhi,婷 ting,慧 hui,峰 feng,琳 lin,雪 xue,凯 kai,博 bo,阳 yang,梅 mei,新 xin"
)
_FIRST: Final = _words(
    "Budi Siti Agus Dewi Andi Rina Joko Sri Bambang Wati Hendra Lestari Rizky Putri Dimas Ayu Fajar Indah Yoga Maya Eko "
    "Nurul Arif Fitri Bayu Ratna Wahyu Intan Adi Nur'aini Rudi Yuni Doni Mega Iwan Tuti Ahmad Kartika Galih Sari Reza Wulan "
    "Taufik Ningsih Gilang Anisa Surya Ma'ruf Teguh Laras"
)
_LAST: Final = _words(
    "Santoso Wijaya Saputra Lestari Nugroho Rahayu Setiawan Handayani Kurniawan Pratama Hidayat Permata Gunawan Utami "
    "Susanto Anggraini Firmansyah Maharani Siregar Nasution Simanjuntak Hutapea Tanjung Lubis Wibowo Puspita Hakim Rahman "
    "Purnomo Suryani Ramadhan Kusuma Harahap Manurung Ginting Sitompul Prasetyo Yulianti Halim Amalia"
)
_SINGLE: Final = _words("Suharti Suroso Wagiman Suparman Kartinah Slamet Sutrisno Mulyadi Paijo Sumiati")
_KINDS: Final = ("Permanent",) * 16 + ("Contract",) * 3 + ("Intern",)
_EARLIEST: Final = date(2008, 1, 7)
_TEAM_SIZE: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A place in the organisation that somebody fills. `manager` is the index of the post above, None for the top."""

    title: str
    company: Company
    division: Division | None
    team: Team | None
    group: int
    manager: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """How somebody is called. A person with one name has no family name."""

    shown: str
    family: str
    given: str
    latin: str


def _number(what: str, index: int) -> int:
    """Return a number that looks drawn by lot and is always the same for the same words."""
    return crc32(f"{what}/{index}".encode())


def _pick(words: Sequence[str], what: str, index: int) -> str:
    return words[_number(what, index) % len(words)]


def _name(index: int, *, chinese: bool) -> Name:
    if chinese:
        family, family_latin = _pick(_SURNAMES, "surname", index).split()
        parts = [_pick(_GIVEN, "given", index).split()]
        if _number("two", index) % 5:  # four of five have two characters
            parts.append(_pick(_GIVEN, "second", index).split())
        given, given_latin = "".join(part[0] for part in parts), "".join(part[1] for part in parts).capitalize()
        return Name(shown=family + given, family=family, given=given, latin=f"{family_latin} {given_latin}")
    if _number("single", index) % 12 == 0:
        only = _pick(_SINGLE, "only", index)
        return Name(shown=only, family="", given=only, latin=only)
    given, family = _pick(_FIRST, "first", index), _pick(_LAST, "last", index)
    if _number("three", index) % 4 == 0:
        given = f"{given} {_pick(_FIRST, 'middle', index)}" if given != _pick(_FIRST, "middle", index) else given
    return Name(shown=f"{given} {family}", family=family, given=given, latin=f"{given} {family}")


def _posts(people: int) -> Iterator[Post]:
    """Yield the posts, each manager before his or her people; there are always more than are needed."""
    ceo = Post(title=GROUP[0].director, company=GROUP[0], division=None, team=None, group=1, manager=None)
    yield ceo
    count, directors = 1, [0]
    for company in GROUP[1:]:
        yield Post(title=company.director, company=company, division=None, team=None, group=1, manager=0)
        directors.append(count)
        count += 1
    heads: list[tuple[Company, Division, int]] = []
    for company, above in zip(GROUP, directors, strict=True):
        for division in company.divisions:
            yield Post(title=division.head, company=company, division=division, team=None, group=1, manager=above)
            heads.append((company, division, count))
            count += 1
    yield from _team_posts(people, heads, count)


def _team_posts(people: int, heads: Sequence[tuple[Company, Division, int]], count: int) -> Iterator[Post]:
    """Yield the leads of all teams, then round by round one member for each. A large company has several of each team."""
    places = [(company, division, team, head) for company, division, head in heads for team in division.teams]
    groups = max(1, -(-people // (len(places) * _TEAM_SIZE)))
    teams: list[tuple[Company, Division, Team, int, int]] = []
    for group in range(1, groups + 1):
        for company, division, team, head in places:
            yield Post(title=division.lead, company=company, division=division, team=team, group=group, manager=head)
            teams.append((company, division, team, group, count))
            count += 1
    while True:
        for company, division, team, group, lead in teams:
            # Teams are not all of one size: in each round about one of seven gets nobody.
            if _number("gap", count) % 7:
                title = _pick(division.staff, "title", count)
                yield Post(title=title, company=company, division=division, team=team, group=group, manager=lead)
            count += 1


def _mobile(index: int, country: str) -> str:
    """Return a number of its own for each index: the multiplier shares no factor with the ranges' sizes."""
    if country == "CN":
        digits = f"{index * 7_919 % 6_000_000:07d}"
        return f"+86 174 0{digits[:3]} {digits[3:]}"
    digits = f"{index * 7_919 % 10_000_000:08d}"
    return f"+62 860-{digits[:4]}-{digits[4:]}"


def _hired(index: int, manager: date | None) -> date:
    """Return a working day up to mid-2026; those who lead joined early."""
    span = 900 if index < 16 else 3_000 if index < 60 else 6_600
    day = (manager or _EARLIEST) if index < 60 else _EARLIEST
    day += timedelta(days=30 + _number("hired", index) % span)
    day = min(day, date(2026, 6, 30))
    return day - timedelta(days=max(0, day.weekday() - 4))


def _mail(name: Name, taken: dict[str, int]) -> str:
    words = "".join(letter for letter in name.latin.lower() if letter.isalpha() or letter == " ").split()
    local = ".".join((words[0], words[-1]) if len(words) > 1 else words)
    taken[local] = taken.get(local, 0) + 1
    return f"{local}{taken[local] if taken[local] > 1 else ''}@example.com"


def company(people: int) -> list[dict[str, str]]:
    """Return that many rows, keyed by `COLUMNS`: one chief executive, then everybody after his or her manager."""
    rows: list[dict[str, str]] = []
    hired: list[date] = []
    taken: dict[str, int] = {}
    for index, post in enumerate(islice(_posts(people), people)):
        name = _name(index, chinese=_number("chinese", index) % 100 < post.company.chinese)
        hired.append(_hired(index, None if post.manager is None else hired[min(post.manager, index - 1)]))
        rows.append(
            {
                "Employee Number": f"{index + 1:06d}",
                "Name": name.shown,
                "Family Name": name.family,
                "Given Name": name.given,
                "Latin Name": name.latin,
                "Job Title": post.title,
                **_unit(post),
                "Mobile": _mobile(index, post.company.country),
                "Work Email": _mail(name, taken),
                "Hire Date": hired[-1].isoformat(),
                "Last Working Day": "",
                "Location": post.team.town if post.team else post.company.town,
                "Country": post.company.country,
                "Employment Type": "Permanent" if index < 60 else _pick(_KINDS, "kind", index),
            }
        )
    return rows


def _unit(post: Post) -> dict[str, str]:
    division, team = post.division, post.team
    number = f" {post.group}" if post.group > 1 else ""
    return {
        "Company Code": post.company.code,
        "Company": post.company.name,
        "Division Code": f"{post.company.code}-{division.code}" if division else "",
        "Division": division.name if division else "",
        "Team Code": f"{post.company.code}-{division.code}-{team.code}{number.replace(' ', '-')}"
        if division and team
        else "",
        "Team": team.name + number if team else "",
        "Manager Number": "" if post.manager is None else f"{post.manager + 1:06d}",
    }


def write_csv(rows: Sequence[dict[str, str]], out: Path) -> None:
    """Write UTF-8 without a byte order mark, one line feed per row."""
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_xlsx(rows: Sequence[dict[str, str]], out: Path) -> None:
    """Write one sheet. Dates are real dates and everything else is text, so that leading zeros stay."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Staff")
    sheet.append(COLUMNS)
    for row in rows:
        hired = date.fromisoformat(row["Hire Date"])
        sheet.append([hired if column == "Hire Date" else row[column] or None for column in COLUMNS])
    book.save(out)


def main(words: Sequence[str] | None = None) -> int:
    """Write the company to a file; its name decides between CSV and XLSX."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, .csv or .xlsx")
    given = parser.parse_args(words)
    if given.people < 1 or given.out.suffix not in {".csv", ".xlsx"}:
        parser.error("give at least one person, and a file that ends in .csv or .xlsx")
    write = write_csv if given.out.suffix == ".csv" else write_xlsx
    write(company(given.people), given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
