"""Channels against real receivers: mail by SMTP, the sandbox's robot, chats, a program, and what apprise sends."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from servers.certificates import Authority
from servers.receivers import Mailbox, Post, Receiver
from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Alert, Room, Sink, Standing
from syncd_dingtalk.sandbox import SandboxSettings
from syncd_dingtalk.sandbox.robots import SECRET, TOKEN
from syncd_dingtalk.sandbox.server import SandboxServer
from syncd_notify.command import Command, CommandSettings
from syncd_notify.dingtalk_robot import SILENCE, DingTalkRobot, DingTalkRobotSettings
from syncd_notify.email import Email, EmailSettings
from syncd_notify.slack import Slack, SlackSettings
from syncd_notify.teams import Teams, TeamsSettings
from syncd_notify.via_apprise import Apprise, AppriseSettings
from syncd_notify.webhook import Webhook, WebhookSettings

DOWN = Alert(
    key="source_unreachable{source=hr}",
    severity="critical",
    title="Critical: The source hr cannot be read",
    text="Why: no answer [ADS-012]\nWhat to do: look at <dc1>",
    since=datetime(2026, 11, 22, 1, 30, tzinfo=UTC),
    message="0123456789abcdef0123456789abcdef",
    news="opened",
    rule="source_unreachable",
    do="look at dc1",
    look=("syncd status --source hr",),
)
"""Chinese and signs that mean something elsewhere are among what a message must survive."""
# apprise 2.2 imports `imghdr` where Python still has it.
pytestmark = pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning")
OVER = replace(DOWN, resolved=True, title="已恢复：无法读取数据源 hr", message="fedcba9876543210fedcba9876543210")


def room(now: datetime | None = None, base: Path = Path()) -> Room:
    return Room(name="oncall", now=lambda: now or datetime.now(UTC), base=base)


def send(sink: Sink, *alerts: Alert) -> None:
    async def go() -> None:
        async with sink:
            for alert in alerts:
                await sink.send(alert)

    asyncio.run(go())


def checked(sink: Sink) -> list[tuple[Standing, str]]:
    async def go() -> list[tuple[Standing, str]]:
        async with sink:
            return [
                (verdict.standing, verdict.problem.code if verdict.problem else "") async for verdict in sink.check()
            ]

    return asyncio.run(go())


# --- mail -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox(user="syncd", password="a good one") as box:
        yield box


def mail_to(box: Mailbox, **changed: Any) -> Email:
    given = {"user": "syncd", "password": "a good one", "security": "none", "host": "127.0.0.1", "port": box.port}
    people = {"sender": "syncd@example.com", "to": ["it@example.com", "oncall@example.com"]}
    return Email(EmailSettings.model_validate({**given, **people, **changed}), room())


def test_mail_about_one_problem_is_one_thread_in_any_language(mailbox: Mailbox) -> None:
    send(mail_to(mailbox), DOWN, OVER)

    first, second = mailbox.mail
    assert [str(make_header(decode_header(mail["Subject"]))) for mail in (first, second)] == [DOWN.title, OVER.title]
    assert first["References"] == second["References"]
    assert first["Message-ID"] == f"<{DOWN.message}@example.com>" != second["Message-ID"]
    assert (first["To"], first["Auto-Submitted"]) == ("it@example.com, oncall@example.com", "auto-generated")
    assert first.get_payload(decode=True).decode().replace("\r\n", "\n") == DOWN.text + "\n"  # type: ignore[union-attr]


def test_a_check_signs_in_and_sends_no_mail(mailbox: Mailbox) -> None:
    assert checked(mail_to(mailbox)) == [(Standing.OK, "")]
    assert checked(mail_to(mailbox, password="last year's")) == [(Standing.FAILED, "NTF-006")]
    assert mailbox.mail == []


def test_a_wrong_password_needs_somebody_and_is_not_told(mailbox: Mailbox) -> None:
    with pytest.raises(NeedsHuman) as caught:
        send(mail_to(mailbox, password="last year's"), DOWN)

    assert caught.value.problem.code == "NTF-006"
    assert "last year" not in str(caught.value)


@pytest.mark.parametrize(("answer", "kind"), [("450 greylisted", TryAgain), ("550 no such user", NeedsHuman)])
def test_a_recipient_that_is_refused_for_now_is_tried_again(
    mailbox: Mailbox, answer: str, kind: type[Exception]
) -> None:
    mailbox.refusing = answer

    with pytest.raises(kind) as caught:
        send(mail_to(mailbox), DOWN)
    assert "it@example.com" not in str(caught.value)


def test_a_mail_server_that_is_down_is_tried_again(mailbox: Mailbox) -> None:
    with pytest.raises(TryAgain) as caught:
        send(mail_to(mailbox, port=1), DOWN)

    assert caught.value.problem.code == "NTF-005"


def test_a_mail_server_without_encryption_gets_no_password(mailbox: Mailbox) -> None:
    with pytest.raises(NeedsHuman) as caught:
        send(mail_to(mailbox, security="starttls"), DOWN)

    assert (caught.value.problem.code, mailbox.mail) == ("NTF-007", [])


def test_mail_goes_only_to_a_server_whose_certificate_is_trusted(tmp_path: Path) -> None:
    ours, theirs = Authority.create(tmp_path / "ours"), Authority.create(tmp_path / "theirs")
    certificate, key = ours.issue("mail", ip="127.0.0.1")
    with Mailbox(user="syncd", password="a good one", certificate=certificate, key=key) as box:
        send(mail_to(box, security="starttls", ca_file=str(ours.ca_file)), DOWN)
        with pytest.raises(NeedsHuman) as caught:
            send(mail_to(box, security="starttls", ca_file=str(theirs.ca_file)), DOWN)

    assert (len(box.mail), caught.value.problem.code) == (1, "NTF-007")


# --- the robot --------------------------------------------------------------------------------------------------------


@pytest.fixture
def tenant() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None)) as server:
        yield server


def robot(tenant: SandboxServer, now: datetime | None = None, **changed: Any) -> DingTalkRobot:
    given = {"access_token": TOKEN, "secret": SECRET, "base_url": tenant.url, **changed}
    return DingTalkRobot(DingTalkRobotSettings.model_validate(given), room(now))


def said(tenant: SandboxServer) -> list[dict[str, Any]]:
    [shown] = tenant.sandbox.robots.controls["GET", "robots"]({})
    messages: list[dict[str, Any]] = shown["messages"]
    return messages


def test_the_robot_speaks_with_its_signature_and_says_each_message_once(tenant: SandboxServer) -> None:
    send(robot(tenant, at_mobiles=["13900000001"]), DOWN, DOWN, OVER)

    first, second = said(tenant)
    assert first["markdown"]["title"] == DOWN.title
    assert "look at \\<dc1\\>" in first["markdown"]["text"], "text is shown as it is"
    assert (first["at"]["atMobiles"], second["at"]["atMobiles"]) == (["13900000001"], [])
    assert "@13900000001" in first["markdown"]["text"], "only who stands in the text is called"


@pytest.mark.parametrize(
    ("changed", "now"),
    [
        ({"secret": "SEC-of-another"}, None),
        ({"secret": None}, None),
        ({"access_token": "a-token-of-last-year"}, None),
        ({}, datetime(2020, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_the_robot_refuses_with_http_200_is_not_taken_for_told(
    tenant: SandboxServer, changed: dict[str, Any], now: datetime | None
) -> None:
    with pytest.raises(NeedsHuman) as caught:
        send(robot(tenant, now, **changed), DOWN)

    assert (caught.value.problem.code, said(tenant)) == ("NTF-004", [])
    assert SECRET not in str(caught.value)


def test_a_robot_that_wants_a_keyword_gets_it(tenant: SandboxServer) -> None:
    add = tenant.sandbox.robots.controls["POST", "robots"]
    add({"token": TOKEN, "secret": SECRET, "keyword": "运维"})

    send(robot(tenant, keyword="运维"), DOWN)
    assert len(said(tenant)) == 1
    with pytest.raises(NeedsHuman, match="keywords not in content"):
        send(robot(tenant), OVER)


def test_after_twenty_messages_a_minute_the_robot_asks_for_ten_minutes_of_silence(tenant: SandboxServer) -> None:
    many = [replace(DOWN, message=f"{number:032d}") for number in range(21)]

    with pytest.raises(TryAgain) as caught:
        send(robot(tenant), *many)

    assert caught.value.after == SILENCE == timedelta(minutes=10)
    assert len(said(tenant)) == 20


# --- other channels ---------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def test_a_webhook_can_be_proven_to_come_from_us(receiver: Receiver) -> None:
    settings = WebhookSettings(url=Secret.literal(receiver.url()), secret=Secret.literal("agreed upon"))
    send(Webhook(settings, room(DOWN.since)), DOWN)

    [post] = receiver.taken
    stamp, digest = (part.partition("=")[2] for part in post.headers["syncd-signature"].split(","))
    expected = hmac.new(b"agreed upon", stamp.encode() + b"." + post.body, hashlib.sha256).hexdigest()
    assert (digest, int(stamp)) == (expected, int(DOWN.since.timestamp()))
    assert post.json["look"] == ["syncd status --source hr"]
    assert post.headers["idempotency-key"] == DOWN.message


def test_a_service_that_names_a_time_is_left_alone_until_then(receiver: Receiver) -> None:
    receiver.answer = lambda _: (429, {"retry-after": "90"}, b"")

    with pytest.raises(TryAgain) as caught:
        send(Slack(SlackSettings(url=Secret.literal(receiver.url())), room()), DOWN)
    assert caught.value.after == timedelta(seconds=90)


def test_a_check_asks_for_the_front_page_and_posts_nothing(receiver: Receiver) -> None:
    assert checked(slack(receiver.url())) == [(Standing.OK, "")]
    assert receiver.taken == []
    assert checked(slack("http://127.0.0.1:1/hook")) == [(Standing.FAILED, "HTP-002")]


def test_a_check_finds_a_program_that_is_not_there(tmp_path: Path) -> None:
    assert checked(Command(CommandSettings(run=["true"]), room())) == [(Standing.OK, "")]
    absent = Command(CommandSettings(run=["./no-such-program"]), room(base=tmp_path))
    assert checked(absent) == [(Standing.FAILED, "NTF-009")]


def slack(url: str) -> Sink:
    return Slack(SlackSettings(url=Secret.literal(url)), room())


def teams(url: str) -> Sink:
    return Teams(TeamsSettings(url=Secret.literal(url)), room())


def via_apprise(url: str) -> Sink:
    return Apprise(AppriseSettings(url=Secret.literal(url.replace("http://", "json://"))), room())


def text_of_teams(post: Post) -> str:
    blocks = post.json["attachments"][0]["content"]["body"]
    return "\n".join(block["text"] for block in blocks)


def text_of_apprise(post: Post) -> str:
    return f"{post.json['title']}\n{post.json['message']}"


@pytest.mark.parametrize(
    ("make", "read", "text"),
    [
        (slack, lambda post: post.json["text"], f"*{DOWN.title}*\n{DOWN.text}".replace("<dc1>", "&lt;dc1&gt;")),
        (teams, text_of_teams, f"{DOWN.title}\n{DOWN.text}"),
        (via_apprise, text_of_apprise, f"{DOWN.title}\n{DOWN.text}"),
    ],
)
def test_chats_show_title_and_text_as_they_are(
    receiver: Receiver, make: Callable[[str], Sink], read: Callable[[Post], str], text: str
) -> None:
    send(make(receiver.url("/hook")), DOWN)

    assert [read(post) for post in receiver.taken] == [text]


@pytest.mark.parametrize("make", [slack, teams, via_apprise])
def test_a_chat_that_cannot_be_reached_is_tried_again_and_its_address_is_not_told(make: Callable[[str], Sink]) -> None:
    with pytest.raises(TryAgain) as caught:
        send(make("http://127.0.0.1:1/hook-with-a-token"), DOWN)

    assert "hook-with-a-token" not in f"{caught.value!s} {caught.value!r}"


def test_an_address_that_apprise_does_not_know_needs_somebody() -> None:
    with pytest.raises(NeedsHuman) as caught:
        send(Apprise(AppriseSettings(url=Secret.literal("telegramm://geheim")), room()), DOWN)

    assert caught.value.problem.code == "NTF-012"
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("run", "kind", "code"),
    [
        (["/bin/sh", "-c", "exit 75"], TryAgain, "NTF-008"),
        (["/bin/false"], NeedsHuman, "NTF-008"),
        (["./missing"], NeedsHuman, "NTF-009"),
        (["/bin/sleep", "60"], TryAgain, "NTF-010"),
    ],
)
def test_what_a_program_ends_with_decides(tmp_path: Path, run: list[str], kind: type[Exception], code: str) -> None:
    settings = CommandSettings.model_validate({"run": run, "timeout": "1s"})

    with pytest.raises(kind) as caught:
        send(Command(settings, room(base=tmp_path)), DOWN)
    assert caught.value.problem.code == code  # type: ignore[attr-defined]
