"""`syncd scim token`: the tokens that providers show when they push. A token is shown once, when it is given, and never again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, teach
from syncd.core.errors import NeedsHuman, Problem, foreign, message

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.cli.render import Output
    from syncd.store.tokens import TokenRow

NOT_PUSHED_TO: Final = message(
    "CLI-290",
    what="Nobody can push to a source called '{name}'.",
    do="Name one of `type: scim_push` in syncd.yaml: {known}.",
    example="syncd scim token add hr  # and hr is a table",
)
NO_TOKEN: Final = message(
    "CLI-291",
    what="There is no valid token with the id '{id}'.",
    do="`syncd scim token list` shows the ids; a token itself is no id.",
    example="syncd scim token revoke 00000000",
)


@click.group("scim")
def command() -> None:
    """Tokens of providers that push users and groups by SCIM."""


@click.group("token")
def token() -> None:
    """Give, list and take back tokens. Several may be valid at once, so that they can be changed without a pause."""


@teach(
    "add",
    examples=(
        (
            "syncd scim token add entra --note 'Entra ID, production'",
            "Give a token for the source entra; it is shown once.",
        ),
        ("syncd scim token add entra --days 365", "Give one that ends by itself."),
    ),
)
@click.argument("source")
@click.option("--note", default="", metavar="TEXT", help="Whose it is, for the list.")
@click.option("--days", type=click.IntRange(1, 3650), help="After how many days it ends [default: never].")
def add(call: Call, *, source: str, note: str, days: int | None) -> None:
    """Give a token for one source. Only its digest is kept: who loses it needs a new one."""
    import hashlib
    import secrets
    from datetime import timedelta

    from syncd.store.tokens import TokenRow

    with call.session() as session:
        if source not in session.pushed_to:
            raise NeedsHuman(not_pushed_to(source, session.pushed_to))
        shown, now = f"syncd_{secrets.token_urlsafe(32)}", session.now()
        row = TokenRow(
            id=secrets.token_hex(4),
            source=source,
            digest=hashlib.sha256(shown.encode()).digest(),
            note=note[:200],
            created_at=now,
            expires_at=now + timedelta(days=days) if days else None,
        )
        with session.store.transaction() as tx:
            tx.tokens.add(row)
    made = {"id": row.id, "source": source, "token": shown, "path": f"/scim/v2/{source}"}
    call.out.show(made, lambda out: _tell_new(out, made))


@teach(
    "list",
    examples=(
        ("syncd scim token list", "List all tokens: whose, since when, until when."),
        ("syncd scim token list --json | jq -r '.[] | select(.until == \"\") | .id'", "Show those that never end."),
    ),
)
def list_(call: Call) -> None:
    """List tokens, those that were taken back or have ended, too."""
    with call.session() as session:
        now = session.now()
        with session.store.reading() as tx:
            rows = tx.tokens.all()
    shown = [_row(row, now) for row in rows]
    call.out.show(shown, lambda out: _tell_all(out, shown))


@teach(
    "revoke",
    examples=(
        ("syncd scim token revoke 4be1a7c0", "Take a token back: within two seconds it opens nothing."),
        ("syncd scim token revoke 4be1a7c0 --json", "The same for a script, which reads the id that was taken back."),
    ),
)
@click.argument("id_", metavar="ID")
def revoke(call: Call, *, id_: str) -> None:
    """Take a token back, by its id."""
    with call.session() as session, session.store.transaction() as tx:
        if not tx.tokens.revoke(id_, at=session.now()):
            raise NeedsHuman(NO_TOKEN.at(id=foreign(id_)))
    call.out.show({"revoked": id_}, lambda out: out.say(f"Taken back: {id_}."))


def not_pushed_to(name: str, pushed_to: Collection[str]) -> Problem:
    """Return what to say of a source to which nobody can push."""
    return NOT_PUSHED_TO.at(name=foreign(name), known=", ".join(sorted(pushed_to)) or "there is none")


def _row(row: TokenRow, now: datetime) -> dict[str, str]:
    until = row.revoked_at or row.expires_at
    return {
        "id": row.id,
        "source": row.source,
        "state": "valid" if row.valid(now) else "revoked" if row.revoked_at else "expired",
        "since": row.created_at.isoformat(timespec="seconds"),
        "until": until.isoformat(timespec="seconds") if until else "",
        "note": row.note,
    }


def _tell_new(out: Output, made: dict[str, str]) -> None:
    out.say(f"Token {made['id']} for {made['source']}, shown this once:")
    out.say(made["token"])
    out.say(f"The provider needs it, and the address of the service with {made['path']}.")


def _tell_all(out: Output, rows: Sequence[dict[str, str]]) -> None:
    if not rows:
        out.say("There are no tokens.")
        return
    out.table(list(rows[0]), [list(row.values()) for row in rows])


for _one in (add, list_, revoke):
    token.add_command(_one)
command.add_command(token)
