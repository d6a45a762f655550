"""What the broker connector can tell a person: codes BRK-001 and up, each with the next step. A table; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

HALF_LOGON: Final = message(
    "BRK-001",
    what="The user and the password belong together, and one of them is missing.",
    do="Give both, or neither where the broker lets everybody in.",
    example="triggers: {people: {type: kafka, user: syncd, …}}  # and no password",
)
NO_LIBRARY: Final = message(
    "BRK-002",
    what="Listening to {broker} needs the library '{library}', which is not installed.",
    do="Install it: `pip install 'syncd[{extra}]'`, in the environment that syncd runs in.",
    example="triggers: {people: {type: kafka, …}}  # without the extra `brokers`",
)
AWAY: Final = message(
    "BRK-003",
    what="{broker} at {where} does not answer ({why}).",
    do="Nothing to do if it comes back: syncd tries again by itself, and the schedule reads meanwhile. Otherwise check host,"
    " port and TLS.",
    example="The broker is being restarted.",
)
REFUSED: Final = message(
    "BRK-004",
    what="{broker} at {where} refuses us ({why}).",
    do="Check the user, the password, and the rights: to read, to acknowledge, and to use the consumer group.",
    example="A wrong password.",
)
NOT_THERE: Final = message(
    "BRK-005",
    what="{broker} at {where} has no {thing} '{name}'.",
    do="Make it, or correct its name. syncd makes none, so that a misspelled name is noticed.",
    example="triggers: {people: {type: rabbitmq, queue: synd, …}}",
)
NO_TLS: Final = message(
    "BRK-006",
    what="{broker} at {where} does not ask for TLS, and the settings do (`tls: true`).",
    do="Switch TLS on at the broker, and let it take nothing else. The user and the password were not sent.",
    example="triggers: {people: {type: nats, tls: true, …}}  # and a server without TLS, or somebody in between",
)
