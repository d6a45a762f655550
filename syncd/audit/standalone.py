#!/usr/bin/env python3
"""Verify an exported syncd audit log without syncd: one file, Python 3.8 or later, nothing to install.

    python3 standalone.py audit.jsonl [--head SEQUENCE:HASH] [--part]

Each line of the export is a JSON object:

    {"seq": 7, "prev": "<64 hex>", "hash": "<64 hex>", "body": "<the record, as it was sealed>"}

and  hash = SHA-256(prev + body),  prev = the hash of the line before (64 zeros before the first).

A line with "masked" instead of "body" hides people's values: that it stands in the chain is proven, its content is not.
`--head` is the end of the log as somebody else remembered it: without it nobody can tell a log that was cut off.
`--part` accepts an export of selected records: each is proven by itself, gaps are not counted as faults.

Exit code 0: sound. 1: a fault, named. 2: the file cannot be read. This file shares no code with syncd on purpose.
"""

import argparse
import hashlib
import json
import sys
from typing import Iterable, Tuple  # noqa: UP035 — for Python 3.8

Head = Tuple[int, bytes]  # noqa: UP006 — for Python 3.8


class Fault(Exception):
    """What is wrong, and where."""


def check_line(line: str, number: int) -> tuple[int, bytes, bytes, bool]:
    """Return (sequence, prev, hash, whether its content is proven) of one line; raise Fault."""
    try:
        record = json.loads(line)
        sequence, prev, hash_ = record["seq"], bytes.fromhex(record["prev"]), bytes.fromhex(record["hash"])
        text = record.get("body")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Fault(f"line {number} is not a record of an audit export") from None
    if text is None:
        return sequence, prev, hash_, False
    if hashlib.sha256(prev + text.encode("utf-8")).digest() != hash_:
        raise Fault(f"record {sequence} was edited: its content and its hash do not belong together")
    body = json.loads(text)
    if body.get("seq") != sequence or body.get("prev") != record["prev"]:
        raise Fault(f"record {sequence} is out of order: it was written as record {body.get('seq')}")
    return sequence, prev, hash_, True


def check_place(sequence: int, prev: bytes, last: int, last_hash: bytes) -> None:
    """Raise Fault unless a record follows the last one."""
    if sequence > last + 1:
        raise Fault(f"record {last + 1} is missing: the next one there is {sequence}")
    if sequence <= last:
        raise Fault(f"record {sequence} is out of order: it comes after record {last}")
    if prev != last_hash:
        raise Fault(f"record {sequence} does not follow record {last}: one of the two was replaced")


def verify(lines: Iterable[str], head: Head | None = None, part: bool = False) -> tuple[int, int, int, bytes]:
    """Return (records, hidden ones, last sequence, last hash); raise Fault at the first thing that is wrong."""
    last, last_hash, count, hidden = 0, bytes(32), 0, 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        sequence, prev, hash_, proven = check_line(line, number)
        if not part or sequence == last + 1:
            check_place(sequence, prev, last, last_hash)
        elif sequence <= last:
            raise Fault(f"record {sequence} is out of order: it comes after record {last}")
        if head and head[0] == sequence and head[1] != hash_:
            raise Fault(f"this is not the log that was remembered: the hash of record {sequence} is another")
        last, last_hash, count, hidden = sequence, hash_, count + 1, hidden + (not proven)
    if head and not part and head[0] > last:
        raise Fault(f"the log ends too early: it has {last} records, and record {head[0]} was remembered")
    return count, hidden, last, last_hash


def parse_head(text: str) -> Head:
    """Return (sequence, hash) of SEQUENCE:HASH."""
    sequence, _, hash_ = text.partition(":")
    return int(sequence), bytes.fromhex(hash_)


def main(arguments: list[str] | None = None) -> int:
    """Verify the file that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description="Verify an exported syncd audit log, without syncd.")
    parser.add_argument("file", help="the export (JSON lines)")
    parser.add_argument("--head", type=parse_head, help="SEQUENCE:HASH, as remembered elsewhere")
    parser.add_argument("--part", action="store_true", help="the export holds selected records only")
    options = parser.parse_args(arguments)
    try:
        with open(options.file, encoding="utf-8") as lines:
            count, hidden, last, last_hash = verify(lines, options.head, options.part)
    except Fault as fault:
        print(f"FAULT: {fault}.")
        return 1
    except (OSError, UnicodeDecodeError) as error:
        print(f"The file cannot be read: {error}", file=sys.stderr)
        return 2
    print(f"Sound: {count} records, head {last}:{last_hash.hex()}")
    if hidden:
        print(f"{hidden} of them are masked: their place is proven, their content is not.")
    if not options.head:
        print("Compare the head with one that was remembered elsewhere: a log that was cut off looks sound by itself.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
