"""`syncd mappings`: look at rules, test them, and see whom new ones would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Place, message

if TYPE_CHECKING:
    from syncd.cli.session import Session
    from syncd.cli.telling.mappings import RuleSet, Tested
    from syncd.core.model import SourceName
    from syncd.engine.preview import Impact
    from syncd.mapping import InboundRules, OutboundRules

WHOSE: Final = message(
    "CLI-120",
    what="It is not clear whose rules {file} shall become.",
    do="Say --for NAME; there are rules for {known}.",
    example="syncd mappings diff new.yaml   # with two sources in syncd.yaml",
)
UNKNOWN: Final = message(
    "CLI-121",
    what="There are no rules for {name!r}.{similar}",
    do="There are rules for {known}.",
    example="syncd mappings diff new.yaml --for hrr",
)
NOTHING_NEW: Final = message(
    "CLI-122",
    what="The folder {file} holds no rule file with the name of one in use.",
    do="Name a file, or copy the folder of your rules and edit the copy; the files in use are {known}.",
    example="syncd mappings diff /tmp",
)
NO_FUNCTION: Final = message(
    "CLI-123",
    what="There is no function {name!r}.{similar}",
    do="`syncd mappings functions` lists them all.",
    example="syncd mappings functions trimm",
)
NO_CASES: Final = message(
    "CLI-124",
    what="There are no cases for {file}.",
    do="Write them into {cases}; docs/how-to/edit-rules.md shows how.",
    example="syncd mappings test mappings/hr.yaml   # without mappings/cases/hr.yaml",
)
_FILE: Final = click.Path(path_type=Path, exists=True)


@click.group("mappings")
def command() -> None:
    """Test rules, and compare two versions of them.

    Rules say what a source's records mean, and what the target shall hold. They are files that administrators edit;
    these commands show the effect of an edit before anything is written.
    """


# --- list -----------------------------------------------------------------------------------------------------------


@teach(
    "list",
    examples=(
        ("syncd mappings list", "Show every rule file in use, and which attributes it reads."),
        ("syncd mappings list --json | jq '.[].digest'", "The digests, to compare two machines."),
    ),
)
def list_(call: Call) -> None:
    """Show the rule files in use."""
    from syncd.cli.telling.mappings import tell_sets

    with call.session() as session:
        sets, base = _sets(session), session.settings.base
    call.out.show(sets, lambda out: tell_sets(out, sets, base))


def _sets(session: Session) -> list[RuleSet]:
    from syncd.cli.telling.mappings import RuleSet

    settings, rules = session.settings, session.rules
    sets = [
        RuleSet(
            name=name,
            direction="inbound",
            file=entry.rules,
            digest=rules.inbound[name].digest.hex(),
            reads={str(kind): sorted(names) for kind, names in rules.inbound[name].reads.items()},
            cases=_cases_of(entry.rules),
        )
        for name, entry in settings.sources.items()
    ]
    target = settings.target
    outbound = RuleSet(
        name=target.type,
        direction="outbound",
        file=target.rules,
        digest=rules.outbound.digest.hex(),
        reads={},
        cases=_cases_of(target.rules),
    )
    return [*sets, outbound]


def _cases_of(rules: Path) -> Path | None:
    cases = rules.parent / "cases" / rules.name
    return cases if cases.is_file() else None


# --- test -----------------------------------------------------------------------------------------------------------


@teach(
    "test",
    examples=(
        ("syncd mappings test", "Run the cases beside every rule file in use."),
        ("syncd mappings test mappings/hr.yaml", "Run the cases of one rule file, in use or not yet."),
        ("syncd mappings test --all", "Show also the cases that pass."),
    ),
)
@click.argument("files", metavar="[FILE]…", nargs=-1, type=_FILE)
@click.option("--all", "everything", is_flag=True, help="Show also the cases that pass.")
def test(call: Call, *, files: Sequence[Path], everything: bool) -> ExitCode:
    """Run the cases kept beside the rules.

    A case is a given record, and what must come of it. The cases of `mappings/hr.yaml` stand in
    `mappings/cases/hr.yaml`. FILE is a rule file or a file of cases. Ends with 3 if a case fails. Nothing but these
    files is read.
    """
    from syncd.cli.telling.mappings import tell_tested

    with call.session() as session:
        tested = list(_tested(session, files))
        base = session.settings.base
    call.out.show(tested, lambda out: tell_tested(out, tested, base, everything=everything))
    return ExitCode.CONFIGURATION if any(one.failed for one in tested) else ExitCode.DONE


def _tested(session: Session, files: Sequence[Path]) -> Iterator[Tested]:
    from syncd.cli.telling.mappings import Tested
    from syncd.mapping.cases import run_cases

    pairs = (
        [_pair(file) for file in files]
        if files
        else [(one.file, one.cases) for one in _sets(session) if one.cases is not None]
    )
    for rules, cases in pairs:
        results = run_cases(_loaded(session, rules), cases)
        yield Tested(rules=rules, cases=cases, results=tuple(results))


def _pair(file: Path) -> tuple[Path, Path]:
    """Return the rule file and its cases, whichever of them was named. Raises Stopped."""
    if file.parent.name == "cases":
        return file.parent.parent / file.name, file
    cases = _cases_of(file)
    if cases is None:
        wanted = file.parent / "cases" / file.name
        raise Stopped(ExitCode.CONFIGURATION, [NO_CASES.at(Place(file=str(file)), file=file, cases=wanted)])
    return file, cases


def _loaded(session: Session, file: Path) -> InboundRules | OutboundRules:
    """Load a rule file as what it is in use for; one that is not in use yet as what it says of itself."""
    from syncd.config.yaml import read
    from syncd.mapping import load_inbound, load_outbound

    settings = session.settings
    if read(file).root.get("rules") == "outbound":
        return load_outbound(file, fields=settings.target.plugin.fields, now=session.now)
    for name, entry in settings.sources.items():
        if entry.rules.resolve() == file.resolve():
            return load_inbound(file, source=name, attributes=entry.delivers, now=session.now)
    return load_inbound(file, source=file.stem, attributes=None, now=session.now)


# --- diff -----------------------------------------------------------------------------------------------------------


@teach(
    "diff",
    examples=(
        ("syncd mappings diff new/hr.yaml", "Show who would change, and how, if this took the place of hr.yaml."),
        ("syncd mappings diff new.yaml --for hr", "The same for a file of another name."),
        ("syncd mappings diff new/ --all", "All rule files of a folder together, everybody shown."),
    ),
    exits=(ExitCode.CHANGES,),
)
@click.argument("new", type=_FILE)
@click.option("--for", "name", metavar="NAME", default="", help="Whose rules: a source's name, or the target's type.")
@click.option("--all", "everybody", is_flag=True, help="Show everybody, not the first 20.")
@click.option("--exit-code", is_flag=True, help="End with 10 if somebody would change.")
def diff(call: Call, *, new: Path, name: str, everybody: bool, exit_code: bool) -> ExitCode:
    """Show whom new rules would change, before they are active.

    Every record that was read is mapped with the rules in use and with the new ones, and the results are compared as
    the target would hold them. No source and no target is asked, and nothing is written.
    """
    from syncd.cli.telling.mappings import tell_impact

    with call.session() as session:
        impact, names = _impact(session, new, name)
        base = session.settings.base
    call.out.show(impact, lambda out: tell_impact(out, impact, names, base, everybody=everybody))
    return ExitCode.CHANGES if exit_code and impact.shifts else ExitCode.DONE


def _impact(session: Session, new: Path, name: str) -> tuple[Impact, dict[str, str]]:
    from syncd.cli import names
    from syncd.cli.operating import rehearsal
    from syncd.engine.preview import impact

    inbound, outbound = _replacements(session, new, name)
    world, target = session.world("syncd mappings diff"), session.target()
    with rehearsal(session.store) as tx:
        found = impact(tx, world, target, inbound=inbound, outbound=outbound)
        return found, names.of_everybody(tx)


def _replacements(
    session: Session, new: Path, name: str
) -> tuple[dict[SourceName, InboundRules], OutboundRules | None]:
    """Load the new rules for those in whose place they shall come. Raises Stopped or Misconfigured."""
    from syncd.core.model import SourceName
    from syncd.mapping import load_inbound, load_outbound

    settings = session.settings
    inbound: dict[SourceName, InboundRules] = {}
    outbound = None
    for whose, file in _places(session, new, name):
        if whose in settings.sources:
            attributes = settings.sources[whose].delivers
            inbound[SourceName(whose)] = load_inbound(file, source=whose, attributes=attributes, now=session.now)
        else:
            outbound = load_outbound(file, fields=settings.target.plugin.fields, now=session.now)
    return inbound, outbound


def _places(session: Session, new: Path, name: str) -> list[tuple[str, Path]]:
    """Return whose rules which new file shall become."""
    from syncd.config.yaml import did_you_mean, read

    settings = session.settings
    files = {
        **{one: entry.rules for one, entry in settings.sources.items()},
        settings.target.type: settings.target.rules,
    }
    known = ", ".join(files)
    if name and name not in files:
        similar = did_you_mean(name, files)
        raise Stopped(ExitCode.USAGE, [UNKNOWN.at(name=name, similar=similar, known=known)])
    if new.is_dir():
        found = [(one, new / rules.name) for one, rules in files.items() if (new / rules.name).is_file()]
        if not found:
            used = ", ".join(str(rules.name) for rules in files.values())
            raise Stopped(ExitCode.USAGE, [NOTHING_NEW.at(file=new, known=used)])
        return [pair for pair in found if name in ("", pair[0])]
    if name:
        return [(name, new)]
    if read(new).root.get("rules") == "outbound":
        return [(settings.target.type, new)]
    sources = [one for one in settings.sources if files[one].name == new.name] or list(settings.sources)
    if len(sources) != 1:
        raise Stopped(ExitCode.USAGE, [WHOSE.at(Place(file=str(new)), file=new, known=known)])
    return [(sources[0], new)]


# --- functions ------------------------------------------------------------------------------------------------------


@teach(
    "functions",
    examples=(
        ("syncd mappings functions", "List every word that may stand in `via`."),
        ("syncd mappings functions truncate", "Show one with its parameters and examples."),
    ),
)
@click.argument("name", required=False)
def functions(call: Call, *, name: str | None) -> None:
    """Show the functions of the mapping language. The same text is in docs/reference/functions.md."""
    from syncd.cli.telling.mappings import tell_function, tell_functions
    from syncd.config.yaml import did_you_mean
    from syncd.mapping.functions import FAMILIES, FUNCTIONS

    if name is None:
        names = {family: [one.name for one in some] for family, some in FAMILIES.items()}
        call.out.show(names, lambda out: tell_functions(out, FAMILIES))
        return
    if name not in FUNCTIONS:
        raise Stopped(ExitCode.USAGE, [NO_FUNCTION.at(name=name, similar=did_you_mean(name, FUNCTIONS))])
    one = FUNCTIONS[name]
    call.out.show(_described(one), lambda out: tell_function(out, one))


def _described(one: Any) -> dict[str, Any]:
    """Return a function for programs: its examples stay in the reference page."""
    params = [{"name": param.name, "type": param.type, "doc": param.doc} for param in one.params]
    return {"name": one.name, "takes": one.takes, "gives": one.gives, "doc": one.doc, "params": params}


for one in (list_, test, diff, functions):
    command.add_command(one)
