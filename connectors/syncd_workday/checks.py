"""What `syncd check --online` tries of a Workday tenant, one verdict each. It never raises and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Standing, Verdict
from syncd_workday import messages
from syncd_workday.envelope import AsOf
from syncd_workday.lists import Count, Lists
from syncd_workday.settings import Section, WorkdaySettings


async def verdicts(lists: Lists, settings: WorkdaySettings, *, today: AsOf) -> AsyncIterator[Verdict]:
    """Try the sign-in with Workday's clock, the workers, what can be seen of them, and the organizations."""
    step = f"tenant {settings.tenant}"
    try:
        at = await lists.clock()
        yield Verdict(
            name=step, standing=Standing.OK, seen=f"signed in; its clock says {at.isoformat(timespec='seconds')}"
        )
        as_of = replace(today, entered=at)
        step = "Get_Workers"
        yield await _workers(lists, as_of)
        step = "parts of a worker"
        yield await _sections(lists, settings, as_of)
        if settings.organizations:
            step = "Get_Organizations"
            count = Count()
            async with aclosing(lists.units(settings.organizations, as_of, count)) as pages:
                await anext(pages)
            yield Verdict(name=step, standing=Standing.OK, seen=f"{count.total} of {', '.join(settings.organizations)}")
    except (NeedsHuman, TryAgain) as error:
        yield Verdict(name=step, standing=Standing.FAILED, seen=error.problem.what, problem=error.problem)


async def _workers(lists: Lists, as_of: AsOf) -> Verdict:
    total = await lists.total(as_of)
    if not total:
        problem = messages.NOBODY.at()
        return Verdict(name="Get_Workers", standing=Standing.FAILED, seen=problem.what, problem=problem)
    return Verdict(name="Get_Workers", standing=Standing.OK, seen=f"{total} worker records")


async def _sections(lists: Lists, settings: WorkdaySettings, as_of: AsOf) -> Verdict:
    """Look at one page: what a right hides is missing there, and no fault tells."""
    async with aclosing(lists.everybody(as_of, Count())) as pages:
        shown = {section for worker in await anext(pages) for section in worker.sections}
    lacking = sorted(section.value for section in Section if section not in shown | settings.without)
    standing = Standing.WARNING if lacking else Standing.OK
    return Verdict(name="parts of a worker", standing=standing, seen=f"not shown: {', '.join(lacking) or 'none'}")
