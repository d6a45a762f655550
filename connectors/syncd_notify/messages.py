"""What channels of alerts tell the people who set them up. A table of words; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

BUSY: Final = message(
    "NTF-001",
    what="{host} does not take messages now (HTTP {status}).",
    do="It is tried again by itself. If this lasts, look at the status page of the service.",
    example="a webhook that answers 503",
)
REFUSED: Final = message(
    "NTF-002",
    what="{host} refuses the message (HTTP {status}): {said}",
    do="Check the address, the key and the rights of this channel; then `syncd alerts test {name}`.",
    example="a Slack webhook that was deleted",
)
ROBOT_BUSY: Final = message(
    "NTF-003",
    what="The robot may not speak for a while: {said} [{code}]",
    do="DingTalk allows a robot 20 messages a minute. It is tried again in ten minutes; use a robot for syncd alone.",
    example="a robot that another program uses, too",
)
ROBOT_REFUSED: Final = message(
    "NTF-004",
    what="The robot refuses the message: {said} [{code}]",
    do="Compare the robot's security settings in the group with this channel: its token, `secret` if it signs, `keyword` if it "
    "wants one, and the address of this machine if it has a list of addresses.",
    example="type: dingtalk_robot  # without the secret of a robot that signs",
)
MAIL_BUSY: Final = message(
    "NTF-005",
    what="The mail server {host} does not take the message now: {why}.",
    do="It is tried again by itself. If this lasts, look at the mail server.",
    example="a mail server that is restarted",
)
MAIL_REFUSED: Final = message(
    "NTF-006",
    what="The mail server {host} refuses the message: {why}.",
    do="Check the account, the password, the sender's address and whether the server relays for this machine.",
    example="type: email, user: syncd  # and a password of last year",
)
MAIL_NOT_SAFE: Final = message(
    "NTF-007",
    what="The mail server {host} cannot be trusted: {why}.",
    do="Name the certificate of your own authority as `ca_file`, or the server by the name that its certificate has.",
    example="type: email, host: 192.0.2.7",
)
COMMAND_FAILED: Final = message(
    "NTF-008",
    what="The command {program} ended with {code}.",
    do="Run it by hand with the JSON of `syncd alerts test --json` on its standard input. 0 means told, 75 means try again.",
    example="type: command, run: [/bin/false]",
)
COMMAND_MISSING: Final = message(
    "NTF-009",
    what="The command {program} cannot be started: {why}.",
    do="Check its path, and that the account under which syncd runs may execute it.",
    example="type: command, run: [/opt/alrm]",
)
COMMAND_SLOW: Final = message(
    "NTF-010",
    what="The command {program} did not end within {seconds} s and was ended.",
    do="Let it hand the alert on and end; or give it more `timeout`.",
    example="type: command, run: [sleep, 60]",
)
NO_APPRISE: Final = message(
    "NTF-011",
    what="The channel {name} needs the library 'apprise', which is not installed.",
    do="Install it: pip install 'syncd[alerts]'",
    example="type: apprise  # without the extra `alerts`",
)
NOT_APPRISE: Final = message(
    "NTF-012",
    what="The address of the channel {name} is none that apprise understands.",
    do="Look at https://github.com/caronc/apprise/wiki for the form of your service's address.",
    example="type: apprise, url: telegramm://12345",
)
APPRISE_FAILED: Final = message(
    "NTF-013",
    what="apprise could not send the message to {service}.",
    do="It is tried again. apprise does not tell why: check the address and whether this machine reaches the service.",
    example="type: apprise, url: tgram://a-token-of-last-year/12345",
)
