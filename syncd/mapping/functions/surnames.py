"""How Chinese surnames are read where that differs from the common reading, and which surnames have two characters.

A table from general knowledge of Chinese onomastics (tones as in 现代汉语词典); pypinyin reads phrases, not people.
Readings that divide families (乐 Yue and Le, 覃 Qin and Tan) follow the more frequent one; a source that has the romanised
name should be preferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

READINGS: Final[Mapping[str, str]] = {
    "单": "shàn", "單": "shàn", "曾": "zēng", "仇": "qiú", "解": "xiè", "区": "ōu", "區": "ōu", "查": "zhā",
    "朴": "piáo", "盖": "gě", "蓋": "gě", "翟": "zhái", "覃": "qín", "华": "huà", "華": "huà", "纪": "jǐ", "紀": "jǐ",
    "宁": "nìng", "甯": "nìng", "缪": "miào", "繆": "miào", "乐": "yuè", "樂": "yuè", "员": "yùn", "員": "yùn",
    "洗": "xiǎn", "黑": "hè", "秘": "bì", "折": "shé", "召": "shào", "种": "chóng", "繁": "pó", "佴": "nài",
    "句": "gōu", "相": "xiàng", "任": "rén", "那": "nā", "尉": "wèi", "冼": "xiǎn", "谌": "chén", "諶": "chén",
    "应": "yīng", "應": "yīng", "晟": "chéng", "祭": "zhài", "褚": "chǔ", "隗": "wěi", "令": "líng", "幺": "yāo",
    "葛": "gě", "郇": "xún", "邵": "shào", "逄": "páng", "郗": "xī", "郤": "xì", "乜": "niè", "么": "yāo", "车": "chē",
    "車": "chē", "石": "shí", "长": "cháng", "行": "xíng", "沈": "shěn", "曲": "qū", "燕": "yān", "过": "guō", "過": "guō",
    "哈": "hǎ", "都": "dū", "要": "yāo", "重": "chóng", "卜": "bǔ", "柏": "bǎi", "费": "fèi", "費": "fèi", "俞": "yú",
    "于": "yú", "吕": "lǚ", "呂": "lǚ", "薄": "bó", "牟": "mù", "干": "gān", "强": "qiáng", "訾": "zī", "夏": "xià",
    "鲜": "xiān", "藏": "zāng", "教": "jiào", "贾": "jiǎ", "賈": "jiǎ", "南": "nán", "能": "nài", "阚": "kàn", "闞": "kàn",
}  # fmt: skip
"""The surname to its syllable, with the tone."""

COMPOUND: Final[Mapping[str, tuple[str, str]]] = {
    "欧阳": ("ōu", "yáng"), "歐陽": ("ōu", "yáng"), "司马": ("sī", "mǎ"), "司馬": ("sī", "mǎ"),
    "上官": ("shàng", "guān"), "诸葛": ("zhū", "gě"), "諸葛": ("zhū", "gě"), "东方": ("dōng", "fāng"),
    "東方": ("dōng", "fāng"), "皇甫": ("huáng", "fǔ"), "尉迟": ("yù", "chí"), "尉遲": ("yù", "chí"),
    "公孙": ("gōng", "sūn"), "公孫": ("gōng", "sūn"), "慕容": ("mù", "róng"), "令狐": ("líng", "hú"),
    "宇文": ("yǔ", "wén"), "长孙": ("zhǎng", "sūn"), "長孫": ("zhǎng", "sūn"), "司徒": ("sī", "tú"),
    "司空": ("sī", "kōng"), "夏侯": ("xià", "hóu"), "万俟": ("mò", "qí"), "萬俟": ("mò", "qí"),
    "单于": ("chán", "yú"), "單于": ("chán", "yú"), "澹台": ("tán", "tái"), "澹臺": ("tán", "tái"),
    "端木": ("duān", "mù"), "独孤": ("dú", "gū"), "獨孤": ("dú", "gū"), "南宫": ("nán", "gōng"),
    "南宮": ("nán", "gōng"), "轩辕": ("xuān", "yuán"), "軒轅": ("xuān", "yuán"), "钟离": ("zhōng", "lí"),
    "鍾離": ("zhōng", "lí"), "闻人": ("wén", "rén"), "聞人": ("wén", "rén"), "濮阳": ("pú", "yáng"),
    "濮陽": ("pú", "yáng"), "申屠": ("shēn", "tú"), "太史": ("tài", "shǐ"), "西门": ("xī", "mén"),
    "西門": ("xī", "mén"), "呼延": ("hū", "yán"), "拓跋": ("tuò", "bá"), "百里": ("bǎi", "lǐ"),
    "东郭": ("dōng", "guō"), "東郭": ("dōng", "guō"), "鲜于": ("xiān", "yú"), "鮮于": ("xiān", "yú"),
    "赫连": ("hè", "lián"), "赫連": ("hè", "lián"), "淳于": ("chún", "yú"), "公冶": ("gōng", "yě"),
    "宗政": ("zōng", "zhèng"), "仲孙": ("zhòng", "sūn"), "叔孙": ("shū", "sūn"), "完颜": ("wán", "yán"),
    "耶律": ("yē", "lǜ"), "第五": ("dì", "wǔ"), "梁丘": ("liáng", "qiū"), "左丘": ("zuǒ", "qiū"),
}  # fmt: skip
"""Surnames of two characters to their two syllables. Given names that happen to begin so do not exist at these two places."""


def surname_length(name: str) -> int:
    """Return how many characters of a Chinese full name are the surname: 2 for known compound ones, else 1."""
    return 2 if len(name) > 2 and name[:2] in COMPOUND else min(len(name), 1)
