"""What alerts tell the people who write their rules. A table of words; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

UNKNOWN_WORD: Final = message(
    "ALR-001",
    what="There is nothing called '{name}' to look for.{similar}",
    do="Known here: {known}.",
    example="rules:\n  stale: {when: source.stail, after: 2h}",
)
NO_WHEN: Final = message(
    "ALR-002",
    what="The rule '{name}' does not say what to look for, and no default rule has this name.{similar}",
    do="Add `when:`, or correct the name; `syncd alerts rules` lists the rules that apply.",
    example="rules:\n  source_stail: {after: 4h}",
)
NO_MEASURE: Final = message(
    "ALR-003",
    what="The rule '{name}' looks for {word}, which needs `{needs}`.",
    do="Add it, such as `{needs}: {like}`.",
    example="rules:\n  late: {when: queue.delay}",
)
WRONG_MEASURE: Final = message(
    "ALR-004",
    what="`{given}` means nothing to a rule that looks for {word}.",
    do="Take it out. {needs}",
    example="rules:\n  drift: {when: target.drift, over: 0, after: 2h}",
)
UNKNOWN_RULE: Final = message(
    "ALR-005",
    what="There is no rule '{name}' that could explain this one.{similar}",
    do="The rules are: {known}.",
    example="rules:\n  backlog: {inhibited_by: [quarantaine]}",
)
UNKNOWN_CHANNEL: Final = message(
    "ALR-006",
    what="There is no channel '{name}'.{similar}",
    do="The channels of `alerts.channels` in syncd.yaml are: {known}.",
    example="rules:\n  disk_full: {channels: [pagerdutty]}",
)
UNKNOWN_LABEL: Final = message(
    "ALR-007",
    what="What {word} finds has no '{name}' to group by.",
    do="Known here: {known}.",
    example="rules:\n  drift: {group_by: [source]}",
)
EACH_OTHER: Final = message(
    "ALR-008",
    what="The rules {names} explain each other: none of them would ever be told.",
    do="Decide which of them is the cause, and take its `inhibited_by` out.",
    example="rules:\n  backlog: {inhibited_by: [delay]}\n  delay: {inhibited_by: [backlog]}",
)
NOT_BYTES: Final = message(
    "ALR-009",
    what="This is not an amount of storage.",
    do="Write a whole number and a unit: 512MiB, 2GiB.",
    example="rules:\n  disk_low: {under: 2 gigs}",
)
