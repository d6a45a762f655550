"""`syncd links`: which account belongs to whom; looking, and mending by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.commands.links_review import join, review, split
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from syncd.cli.telling.links import Linked, Unlinked
    from syncd.core.model import Link, SubjectId
    from syncd.store import Transaction
    from syncd.store.rows import FoundRecord

NOT_JOINED: Final = message(
    "CLI-140",
    what="{label} was read, but is not joined to a subject yet, so there is nothing to link.",
    do="Run `syncd plan`; if the record stays aside, `syncd explain {label!r}` says why.",
    example="syncd links bind for a record that is parked",
)


@click.group("links")
def command() -> None:
    """Show and change which account belongs to whom.

    A link is the licence to touch an object of the target: what is not linked is left alone. Links are made by syncd
    itself; these commands are for looking, and for the rare case that somebody has to decide.
    """


@teach(
    "list",
    examples=(
        ("syncd links list", "Show every link."),
        ("syncd links list --unlinked", "Show objects that belong to nobody, and people without an account."),
        ("syncd links list --kind contact", "Show who is an external contact."),
        ("syncd links list --json | jq '.links | length'", "Count them."),
    ),
)
@click.option("--unlinked", is_flag=True, help="Show instead what no link joins, on both sides.")
@click.option(
    "--kind",
    type=click.Choice(("person", "unit", "group", "contact")),
    help="Only these: accounts, departments, roles, or external contacts.",
)
def list_(call: Call, *, unlinked: bool, kind: str | None) -> None:
    """Show which subject is which object of the target."""
    from syncd.cli import names
    from syncd.cli.telling.links import tell_links, tell_unlinked

    with call.session() as session:
        target, now = session.settings.target.type, session.now()
        with session.store.reading() as tx:
            if unlinked:
                found = _unlinked(tx, target, kind)
                call.out.show(found, lambda out: tell_unlinked(out, found))
                return
            links = [link for link in tx.links.all(target).values() if kind in (None, link.kind)]
            known = names.of_everybody(tx)
        links.sort(key=lambda link: (link.kind, known.get(link.subject, ""), link.subject))
        value = {"links": [{"label": known.get(link.subject, ""), "link": link} for link in links]}
        call.out.show(value, lambda out: tell_links(out, links, known, now=now))


@teach(
    "show",
    examples=(
        ("syncd links show 'Li Wei'", "Show whose account it is, and what it held when it was last seen."),
        ("syncd links show 10023", "The same, by the account's id."),
    ),
)
@click.argument("who")
def show(call: Call, *, who: str) -> None:
    """Show one subject: its link, its records, its object. WHO is a name, number, login, address or account id."""
    from syncd.cli import names
    from syncd.cli.telling.links import tell_linked

    with call.session() as session:
        now = session.now()
        with session.store.reading() as tx:
            one = _linked(tx, session.settings.target.type, who)
            known = names.of_everybody(tx)
        call.out.show(one, lambda out: tell_linked(out, one, known, now=now))


@teach(
    "bind",
    examples=(
        ("syncd links bind 'Li Wei' 10023 --reason 'same person, checked with HR'", "Say whose account it is."),
        ("syncd links bind 00042 10023 --reason 'new number since the merger'", "The same, by employee number."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("who")
@click.argument("target_id", metavar="ACCOUNT")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def bind(call: Call, *, who: str, target_id: str, reason: str) -> None:
    """Link a subject to an object that is there.

    For a case that no rule can recognise. ACCOUNT is the id of an account, or of an external contact. Nothing is written to the
    target; the next plan shows what would change on the object. What waited for the subject is superseded.
    """
    from syncd.cli.operating import operating
    from syncd.core.model import TargetId
    from syncd.engine.finding import find
    from syncd.engine.linking import bind as make
    from syncd.engine.linking import kind_of

    with call.session() as session, operating(session, "links bind", reason=reason) as operation:
        tx, target = operation.tx, session.settings.target.type
        found = find(tx, who)
        subject = _joined(found)
        kind = kind_of(tx, target, found.kind, TargetId(target_id))
        link = make(tx, target, subject, kind, TargetId(target_id), at=operation.at)
        operation.log(subject=subject, label=found.label, target_id=link.target_id, facts={"target": target})
    call.out.show(link, lambda out: out.say(f"{found.label} is now {link.kind} {link.target_id}. See `syncd plan`."))


@teach(
    "unbind",
    examples=(
        ("syncd links unbind 'Li Wei' --reason 'wrong namesake'", "Forget whose account it is; the account stays."),
        ("syncd links unbind 10023 --reason 'kept by hand from now on'", "The same, by the account's id."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("who")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def unbind(call: Call, *, who: str, reason: str) -> None:
    """Forget a link. The object stays as it is, and is not touched any more.

    The next plan looks for the subject's account again: it may adopt one by your `adopt` rules, or make a new one.
    """
    from syncd.cli.operating import operating
    from syncd.engine.linking import unbind as forget

    with call.session() as session, operating(session, "links unbind", reason=reason) as operation:
        tx, target = operation.tx, session.settings.target.type
        subject, label = _whose(tx, target, who)
        link = forget(tx, target, subject, at=operation.at)
        operation.log(subject=subject, label=label, target_id=link.target_id, facts={"target": target})
    call.out.show(
        link,
        lambda out: out.say(f"{label} is no longer {link.kind} {link.target_id}. See `syncd plan` before you sync."),
    )


@teach(
    "check",
    examples=(
        ("syncd links check", "Compare every link with the target as it was last seen."),
        ("syncd links check --repair --reason 'restored an old backup'", "Link again what carries our mark."),
    ),
    exits=(ExitCode.PARKED, ExitCode.BUSY),
)
@click.option("--repair", "mend", is_flag=True, help="Link objects that carry our mark, where it is not in doubt.")
@click.option("--reason", default="links check --repair", help="Why; the audit log keeps it.")
def check(call: Call, *, mend: bool, reason: str) -> ExitCode:
    """Find where links and target disagree.

    Links whose object is missing, objects with our mark and no link, marks on several objects. Ends with 4 if there are
    any. Works on what was seen last; `syncd plan --fresh` looks again.
    """
    from syncd.cli import names
    from syncd.cli.telling.links import tell_check
    from syncd.engine import linking

    made = _mended(call, reason) if mend else ()
    with call.session() as session:
        now = session.now()
        with session.store.reading() as tx:
            found = linking.check(tx, session.settings.target.type, session.target().mark)
            known = names.of_everybody(tx)
    if mend:
        call.out.note(f"Linked {len(made)} again.")
    value = {"check": found, "sound": found.sound, "repaired": made}
    call.out.show(value, lambda out: tell_check(out, found, known, now=now))
    return ExitCode.DONE if found.sound else ExitCode.PARKED


for one in (list_, show, review, split, join, bind, unbind, check):
    command.add_command(one)


def _mended(call: Call, reason: str) -> tuple[Link, ...]:
    from syncd.cli.operating import operating
    from syncd.engine import linking

    with call.session() as session, operating(session, "links check --repair", reason=reason) as operation:
        tx, target = operation.tx, session.settings.target.type
        made = linking.repair(tx, target, linking.check(tx, target, session.target().mark), at=operation.at)
        for link in made:
            operation.log(subject=link.subject, target_id=link.target_id, facts={"target": target})
        return made


def _joined(found: FoundRecord) -> SubjectId:
    if found.subject is None:
        raise Stopped(ExitCode.CONFIGURATION, [NOT_JOINED.at(label=found.label)])
    return found.subject


def _whose(tx: Transaction, target: str, who: str) -> tuple[SubjectId, str]:
    """Return a subject and its name; also one of whom nothing but the link is left."""
    from syncd.core.model import SubjectId
    from syncd.engine.finding import find

    if tx.links.get(target, SubjectId(who)) is not None and not tx.records.of_subject(SubjectId(who)):
        return SubjectId(who), who
    found = find(tx, who, target=target)
    return _joined(found), found.label


def _linked(tx: Transaction, target: str, who: str) -> Linked:
    from syncd.cli.telling.links import Linked

    subject, label = _whose(tx, target, who)
    link = tx.links.get(target, subject)
    seen = tx.observed.get(target, link.kind, link.target_id) if link else None
    return Linked(
        subject=subject,
        label=label,
        link=link,
        observed=seen.observed if seen else None,
        records=tuple(tx.records.of_subject(subject)),
        queued=tuple(tx.queue.for_subject(subject, limit=5)),
    )


def _unlinked(tx: Transaction, target: str, kind: str | None) -> Unlinked:
    from syncd.cli.telling.links import Unlinked
    from syncd.core.ahead import is_outsider
    from syncd.core.model import Kind

    held = tx.links.by_target(target)
    linked = {link.subject for link in held.values()}
    objects = (row.observed for row in tx.observed.iterate(target, Kind(kind) if kind else None))
    # Whoever may become a contact is a person of the sources, and an outsider.
    contacts = kind == Kind.CONTACT
    subjects = {
        row.subject: (row.subject, row.kind, row.label)
        for row in tx.records.iterate(kind=Kind.PERSON if contacts else Kind(kind) if kind else None)
        if row.subject is not None and row.subject not in linked and row.absent_since is None
        if not contacts or is_outsider(row.facts)
    }
    return Unlinked(
        objects=tuple(one for one in objects if (one.kind, one.target_id) not in held),
        subjects=tuple(sorted(subjects.values(), key=lambda each: (each[1], each[2], each[0]))),
    )
