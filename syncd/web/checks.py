"""What `syncd check` says of the part `web`: addresses, senders' secrets, the certificate. It opens nothing but
files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncd.config.web import address
from syncd.core.errors import Misconfigured, Problem
from syncd.core.ports import Standing, Verdict
from syncd.web import messages
from syncd.web.certificate import context_of
from syncd.web.signature import key_of

if TYPE_CHECKING:
    from syncd.config.web import SenderSettings, WebSettings


def verdicts(web: WebSettings) -> Iterator[Verdict]:
    """Yield one verdict for the addresses, one for each sender, one for the certificate."""
    doors = [address(each) for each in (web.listen, web.monitoring.listen) if each is not None]
    if not doors:
        yield Verdict(name="web", standing=Standing.OK, seen="nothing listens")
        return
    bare = [each for each in doors if not each.is_local and web.certificate is None]
    seen = ", ".join(str(each) for each in doors)
    yield _verdict("web", seen, Standing.WARNING, messages.NO_TLS.at(address=bare[0]) if bare else None)
    for name, sender in web.webhooks.items():
        seen = f"may wake {', '.join(sender.sources)}"
        yield _verdict(f"webhooks of {name}", seen, Standing.FAILED, _unusable(name, sender))
    if web.certificate is not None:
        try:
            context_of(web)
        except Misconfigured as error:
            yield _verdict("certificate", str(web.certificate), Standing.FAILED, error.problems[0])
        else:
            yield _verdict("certificate", str(web.certificate), Standing.OK, None)


def _verdict(name: str, seen: str, otherwise: Standing, problem: Problem | None) -> Verdict:
    return Verdict(name=name, standing=otherwise if problem else Standing.OK, seen=seen, problem=problem)


def _unusable(name: str, sender: SenderSettings) -> Problem | None:
    """Return what is wrong with the first secret that is no key. Those that cannot be fetched are told of as all
    secrets are."""
    for secret in sender.secrets:
        try:
            key_of(secret.reveal())
        except Misconfigured:
            continue
        except ValueError as error:
            return messages.BAD_SECRET.at(secret.place, sender=name, why=str(error))
    return None
