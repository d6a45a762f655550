"""The commands, one module each, all to one pattern. This module holds only the list; it imports none of them.

The pattern
-----------
`syncd/cli/commands/<name>.py` defines `command`, and imports at its top only `click`, `syncd.cli.call`,
`syncd.cli.exit_codes` and `syncd.core`; everything else is imported inside the function, so that help stays quick:

    @teach(
        "plan",
        examples=(
            ("syncd plan", "Show what would be written, and why."),
            ("syncd plan --json | jq '.changes | length'", "Count the changes."),
        ),
        exits=(ExitCode.HELD, ExitCode.SOURCE, ExitCode.TARGET),
    )
    @click.option("--exit-code", is_flag=True, help="End with 10 if there are changes.")
    def command(call: Call, *, exit_code: bool) -> ExitCode:
        '''Show what would be written, without writing it.

        A second paragraph says what the first line cannot.
        '''
        from syncd.engine.reconcile import reconcile          # heavy: imported here

        with call.session() as session:                       # settings → plugins → rules → store, each on first use
            with ends_with(ExitCode.SOURCE):                   # which exit code a NeedsHuman or TryAgain in here means
                read = …
            call.out.show(plan, lambda out: _tell(out, plan))  # --json prints `plan`; otherwise `_tell` prints for people
        return ExitCode.CHANGES if exit_code and plan.changes else ExitCode.DONE

 * A command returns its `ExitCode`; None means 0. It never calls `sys.exit` and never prints with `print`.
 * Errors are raised, not printed: `main` tells Misconfigured (all its problems, exit 3), NeedsHuman and TryAgain. `ends_with`
   says which exit code they mean; without it NeedsHuman is 3 and TryAgain is 9. `raise Stopped(ExitCode.MOVED, [problem])`
   ends with any code.
 * `call.out` (`syncd.cli.render.Output`) prints. `show(value, tell)` serves both readers; inside `tell`, `out.say`,
   `out.table`, `out.problem` and `out.verdict` print for people and are silent with --json. What comes from a source or a target
   goes through them, so that it cannot steer the terminal.
 * `call.session()` (`syncd.cli.session.Session`) opens parts lazily: `settings`, `rules`, `store`, `source(name)`, `target()`.
 * A group of commands (`syncd queue list|retry`) makes `command = click.Group(…)` and adds `teach`ed commands to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Set up": {
        "init": "Write a commented starting configuration.",
        "check": "Check the configuration and the rules; with --online also everything they reach.",
        "assess": "Judge the data of the sources: what is missing, doubled or cannot be right.",
    },
    "Synchronize": {
        "plan": "Show what would be written, and why, without writing it.",
        "apply": "Write a plan that was shown.",
        "sync": "Plan and write once, within the limits of the guard.",
        "run": "Synchronize for ever: the service.",
        "offboard": "Let somebody leave at once, whatever the sources say.",
        "status": "Say how things stand: last runs, queue, holds, sources.",
    },
    "Look into": {
        "explain": "Tell everything about one person: records, rules, values, changes.",
        "calendar": "Show what will happen in the next days by itself, and why.",
        "rights": "Show who sees whom in the target, now and once the plan is written.",
        "mappings": "Test rules, and compare two versions of them.",
        "queue": "List, retry and drop changes that wait.",
        "links": "Show and change which account belongs to whom.",
        "sources": "Show the sources; decide about those that are no longer configured.",
        "hold": "List what the guard holds, and release it.",
        "drift": "List what was changed by hand in the target, and decide about it.",
        "alerts": "List, acknowledge, silence and try alerts.",
        "scim": "Give, list and take back the tokens of providers that push by SCIM.",
        "audit": "Search, verify and export the audit log.",
        "db": "Check, back up, restore and describe the state.",
    },
    "Learn and extend": {
        "sandbox": "Run a sandbox that behaves like the target.",
        "plugins": "List the connectors that are installed.",
        "webhook": "Sign and send a webhook, to try whether it arrives.",
        "schema": "Write the JSON Schemas that make editors complete and explain.",
        "demo": "Synchronize an example company into the sandbox, and break things.",
    },
}
"""Every command with its one line of help, by section, in the order in which help shows them."""

COMMANDS: Final[Mapping[str, str]] = {name: text for each in SECTIONS.values() for name, text in each.items()}
