"""`syncd webhook`: a webhook as another system would send it, to try whether it arrives."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, as_path, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import NeedsHuman, TryAgain, foreign, message

if TYPE_CHECKING:
    from pathlib import Path

    from syncd.cli.session import Session
    from syncd.config.settings import Settings
    from syncd.http import Answer
    from syncd.web.sending import Prepared

NO_SENDER: Final = message(
    "CLI-200",
    what="No sender of webhooks can be chosen for the source '{source}'.",
    do="Name one with --sender; web.webhooks in syncd.yaml knows {known}.",
    example="syncd webhook send hr  # and two senders may wake it",
)
NO_URL: Final = message(
    "CLI-201",
    what="The service listens on no address that this command can call.",
    do="Name one with --url, such as https://syncd.example.com, or set web.listen.",
    example="web: {listen: unix:/run/syncd/web.sock}",
)
REFUSED: Final = message(
    "CLI-202",
    what="The service answered {status}: {detail}",
    do="The code in its answer, {code}, is explained in docs/reference/errors.md.",
    example="syncd webhook send hr  # on a machine whose clock is ten minutes off",
)
LATER: Final = message(
    "CLI-203",
    what="The service answered {status} and wants the event again later.",
    do="Send it again in {after} seconds; if that repeats, look at the service's log.",
    example="syncd webhook send hr  # while the disk is full",
)


@click.group("webhook")
def command() -> None:
    """Sign and send a webhook, as a system of HR would do it.

    The secret is the one that web.webhooks refers to; it is used and never shown.
    """


_OPTIONS: Final = (
    click.argument("source"),
    click.option("--who", multiple=True, metavar="ID", help="Whom it is about; can be repeated."),
    click.option(
        "--file", type=click.Path(exists=True, dir_okay=False), callback=as_path, help="An event in JSON instead."
    ),
    click.option("--sender", metavar="NAME", help="In whose name [default: the one that may wake the source]."),
    click.option("--url", metavar="URL", help="The service [default: web.listen]."),
)


@teach(
    "sign",
    examples=(
        ("syncd webhook sign hr --who E1001", "Print a curl command that sends this event, valid for five minutes."),
        ("syncd webhook sign hr --file event.json --json", "Print URL, headers and body for another program."),
    ),
)
def sign(
    call: Call, *, source: str, who: Sequence[str], file: Path | None, sender: str | None, url: str | None
) -> None:
    """Sign an event and print the request; nothing is sent."""
    with call.session() as session:
        made = _prepared(session, source, who=who, file=file, sender=sender, url=url)
    call.out.show(made, lambda out: out.say(_curl(made)))


@teach(
    "send",
    examples=(
        ("syncd webhook send hr --who E1001", "Tell the running service that somebody changed in the source hr."),
        ("syncd webhook send hr --url https://syncd.example.com", "The same through the reverse proxy."),
    ),
    exits=(ExitCode.BUSY,),
)
def send(
    call: Call, *, source: str, who: Sequence[str], file: Path | None, sender: str | None, url: str | None
) -> None:
    """Sign an event and send it to the running service; it is kept when this ends with 0."""
    import asyncio

    with call.session() as session:
        made = _prepared(session, source, who=who, file=file, sender=sender, url=url)
    answer = asyncio.run(_sent(made))
    _judged(answer)
    call.out.show({"status": answer.status}, lambda out: out.say(f"Kept ({answer.status})."))


for _option in _OPTIONS:
    sign, send = _option(sign), _option(send)
command.add_command(sign)
command.add_command(send)


def _prepared(
    session: Session, source: str, *, who: Sequence[str], file: Path | None, sender: str | None, url: str | None
) -> Prepared:
    from urllib.parse import quote
    from uuid import uuid4

    from syncd.web.senders import senders_of
    from syncd.web.sending import events, prepared

    web, now, id_ = session.settings.web, session.now(), f"test-{uuid4()}"
    may = [name for name, one in web.webhooks.items() if sender == name or (sender is None and source in one.sources)]
    if len(may) != 1:
        known = ", ".join(web.webhooks) or "none"
        raise NeedsHuman(NO_SENDER.at(source=foreign(source), known=known))
    key = senders_of({may[0]: web.webhooks[may[0]]})[0].keys[0]
    body = file.read_text(encoding="utf-8") if file else events(who, id=id_, at=now)
    base = (url or _address(session.settings)).rstrip("/")
    return prepared(body, url=f"{base}/v1/wake/{quote(source, safe='')}", key=key, id=id_, at=now)


def _address(settings: Settings) -> str:
    from syncd.config.web import Address, address

    web = settings.web
    where = address(web.listen) if web.listen else None
    if where is None or where.path is not None or not where.port:
        raise NeedsHuman(NO_URL.at())
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    return f"{'https' if web.certificate else 'http'}://{Address(host=anywhere.get(where.host, where.host), port=where.port)}"


async def _sent(made: Prepared) -> Answer:
    from syncd.http import HttpSettings, open_client

    async with open_client(HttpSettings()) as client:
        return await client.send("POST", made.url, content=made.body.encode(), headers=made.headers)


def _judged(answer: Answer) -> None:
    """Raise what an answer means that is not "kept"."""
    if answer.status == 202:
        return
    if answer.status in (429, 503):
        after = answer.headers.get("retry-after", "5")
        raise TryAgain(LATER.at(status=answer.status, after=foreign(after)))
    try:
        told = json.loads(answer.content)
        detail, code = str(told["detail"]), str(told["code"])
    except (ValueError, KeyError, TypeError):
        detail, code = "it does not look like syncd.", "none"
    raise NeedsHuman(REFUSED.at(status=answer.status, detail=foreign(detail), code=foreign(code)))


def _curl(made: Prepared) -> str:
    """Return the request as a command for a shell."""
    headers = [f"  --header {shlex.quote(f'{name}: {value}')}" for name, value in made.headers.items()]
    lines = [f"curl --fail-with-body {shlex.quote(made.url)}", *headers, f"  --data-binary {shlex.quote(made.body)}"]
    return " \\\n".join(lines)
