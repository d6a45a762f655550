"""Which encoding a text file has: proven by its bytes, or guessed and said to be so. Nothing here opens a file.

UTF-8 and byte order marks are proofs: other text does not look like that by chance. Everything else is a guess.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 256 * 1024
# Of the Latin code pages only the western one: names are too short to tell 1250 or 1254 from it. Others have to be named.
_GUESSES: Final = ["gb18030", "big5", "shift_jis", "euc_kr", "cp1252", "cp1251"]
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """An encoding and how sure it is, from 0 to 1; 1 is a proof."""

    name: str
    sure: float


def detect(content: bytes) -> Encoding:
    """Return the encoding of `content`."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return Encoding(name=name, sure=1.0)
    if b"\0" in content[:_SAMPLE]:
        return _without_mark(content)
    if first_error(content, "utf-8") is None:
        return Encoding(name="utf-8", sure=1.0)
    return _guess(content)


def first_error(content: bytes, encoding: str) -> int | None:
    """Return where `content` stops being text in `encoding`, None if all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for start in range(0, len(content), _CHUNK):
        chunk = content[start : start + _CHUNK]
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=start + _CHUNK >= len(content))
        except UnicodeDecodeError as error:
            return max(0, start - pending + error.start)
    return None


def _without_mark(content: bytes) -> Encoding:
    """Text with NUL bytes is UTF-16: delimiters and digits have their zero byte on one side."""
    sample = content[:_SAMPLE]
    name = "utf-16-be" if sample[0::2].count(0) > sample[1::2].count(0) else "utf-16-le"
    return Encoding(name=name, sure=0.9)


def _guess(content: bytes) -> Encoding:
    # Chinese Windows is where most files without a mark come from. GB 2312's ideographs stand in rows B0-F7, the common ones
    # in B0-D7 (GB 2312-1980); western accents stand alone between letters and do not form such pairs.
    if first_error(content, "gb18030") is None:
        share = _ideographs(content[:_SAMPLE])
        if share > 0.8:
            return Encoding(name="gb18030", sure=min(0.95, share))
    from charset_normalizer import from_bytes

    best = from_bytes(_interesting(content), cp_isolation=_GUESSES).best()
    if best is not None and first_error(content, best.encoding) is None:
        return Encoding(name=_usual(best.encoding), sure=round(max(0.3, min(0.8, 1.0 - best.chaos * 2)), 2))
    return Encoding(name="windows-1252" if first_error(content, "cp1252") is None else "latin-1", sure=0.3)


def _usual(name: str) -> str:
    return name.replace("cp125", "windows-125")


def _ideographs(sample: bytes) -> float:
    """Return the share of bytes above 7F that form pairs in GB 2312's common rows."""
    high = pairs = at = 0
    while at < len(sample):
        if sample[at] < 0x80:
            at += 1
            continue
        trail = sample[at + 1] if at + 1 < len(sample) else 0
        if 0xA1 <= sample[at] <= 0xF7 and 0xA1 <= trail <= 0xFE:
            high += 2
            pairs += 2 if 0xB0 <= sample[at] <= 0xD7 or sample[at] == 0xA3 else 0
            at += 2
        else:
            high += 1
            at += 1
    return pairs / high if high else 0.0


def _interesting(content: bytes) -> bytes:
    """Return lines that hold bytes above 7F, at most a sample of them: the others tell nothing."""
    chosen = bytearray()
    for line in content.splitlines(keepends=True):
        if not line.isascii():
            chosen += line
            if len(chosen) > _SAMPLE // 8:
                break
    return bytes(chosen)
