"""`syncd explain`: everything about one person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Place, foreign, message

if TYPE_CHECKING:
    from syncd.cli.session import Session
    from syncd.core.model import SourceName, SourceRecord
    from syncd.engine.explain import Explanation

NOT_A_RECORD: Final = message(
    "CLI-113",
    what="This is not a record: {why}.",
    do="Write a mapping of attributes and values, as the source names them, in JSON or YAML.",
    example="syncd explain --record /etc/hostname",
)
WHICH_SOURCE: Final = message(
    "CLI-114",
    what="A record needs a source whose rules read it.",
    do="Say --source NAME; the sources are: {known}.",
    example="syncd explain --record li.json   # with two sources in syncd.yaml",
)
WHO: Final = message(
    "CLI-115",
    what="Nobody is named.",
    do="Give a name, number, login, address or account id; or a record with --record FILE.",
    example="syncd explain",
)


@teach(
    "explain",
    examples=(
        (
            "syncd explain 'Li Wei'",
            "Each field: the value, its rule (file:line), where it comes from, what would change.",
        ),
        ("syncd explain 00042 --trace", "The same with every value after every step of every rule."),
        ("syncd explain --record li.json --source hr", "What the rules would make of a record that no source has."),
        ("syncd explain 00042 --json | jq .changes", "For programs."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("who", required=False)
@click.option(
    "--record",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Explain this record (JSON or YAML) instead of somebody who is known.",
)
@click.option("--source", metavar="NAME", default="", help="With --record: the source whose rules read it.")
@click.option(
    "--kind", type=click.Choice(("person", "unit", "group")), default="person", help="With --record: what it is."
)
@click.option("--trace", is_flag=True, help="Show every value after every step.")
def command(call: Call, *, who: str | None, record: Path | None, source: str, kind: str, trace: bool) -> None:
    """Tell everything about one person: records, rules, values, changes.

    WHO is a name, an employee number, a login, an e-mail address, or the id of an account or department in the target. Works
    on what was read and seen last; no source and no target is asked, and nothing is written. With --record not even the
    state is read: rules can be tried on a record before anybody has it.
    """
    from syncd.cli.telling.explain import Manner, tell_explanation

    if record is None and not who:
        raise Stopped(ExitCode.USAGE, [WHO.at()])
    with call.session() as session:
        base = session.settings.base
        one = _of_record(session, record, source, kind) if record is not None else _of_person(session, who or "")
        manner = Manner(base=base, now=session.now(), trace=trace, offline=record is not None)
    call.out.show(one, lambda out: tell_explanation(out, one, manner))


def _of_person(session: Session, who: str) -> Explanation:
    from syncd.cli.operating import rehearsal
    from syncd.engine.explain import explain

    world, target = session.world("syncd explain"), session.target()
    with rehearsal(session.store) as tx:
        return explain(tx, world, target, who)


def _of_record(session: Session, file: Path, source: str, kind: str) -> Explanation:
    from syncd.engine.explain import explain_record

    known = list(session.settings.sources)
    name = source or (known[0] if len(known) == 1 else "")
    if name not in known:
        raise Stopped(ExitCode.USAGE, [WHICH_SOURCE.at(known=", ".join(known))])
    rules = session.rules
    return explain_record(rules.inbound[name], rules.outbound, _name(name), read(file, kind))


def _name(name: str) -> SourceName:
    from syncd.core.model import SourceName

    return SourceName(name)


def read(file: Path, kind: str) -> SourceRecord:
    """Read a record from a file: JSON is YAML too, and places are known in both. Raises Stopped or Misconfigured."""
    from syncd.config.yaml import read as read_yaml
    from syncd.core.model import Kind, NativeId, SourceRecord
    from syncd.core.values import digest, frozen

    root: Any = read_yaml(file).root
    attributes = {name: frozen(value) for name, value in root.items()}
    if not attributes:
        raise Stopped(ExitCode.CONFIGURATION, [NOT_A_RECORD.at(Place(file=str(file)), why=foreign("it is empty"))])
    return SourceRecord(
        native_id=NativeId(file.stem), kind=Kind(kind), digest=digest(attributes), attributes=attributes
    )
