"""What `syncd check` says of the part `web`: addresses, senders' secrets, the certificate; and, online, the keys of those who
issue access tokens. It opens nothing but these files and addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from syncd.config.web import address
from syncd.core.errors import Misconfigured, Problem, SyncdError, foreign, problem_of
from syncd.core.ports import Standing, Verdict
from syncd.web import messages
from syncd.web.certificate import context_of
from syncd.web.signature import key_of

if TYPE_CHECKING:
    from syncd.config.web import IssuerSettings, SenderSettings, WebSettings


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


async def issuers(web: WebSettings) -> AsyncIterator[Verdict]:
    """Yield one verdict for each issuer of access tokens: whether its keys can be had, and used."""
    for source, issuer in web.scim.issuers.items():
        seen, problem = await _keys_of(source, issuer)
        yield _verdict(f"issuer of {source}", seen, Standing.FAILED, problem)


async def _keys_of(source: str, issuer: IssuerSettings) -> tuple[str, Problem | None]:
    from syncd.web.access_tokens import checks, fetched, signing_keys

    where = foreign(issuer.keys)
    try:
        keys = signing_keys(await fetched(issuer.keys)).values()
    except SyncdError as error:
        told = problem_of(error)
        why = told.what.rstrip(".") if told is not None else type(error).__name__
        return "no keys", messages.NO_KEYS.at(source=source, where=where, why=why)
    except OSError as error:
        why = foreign(error.strerror or str(error))
        return "no keys", messages.NO_KEYS.at(source=source, where=where, why=why)
    good = [key for key in keys if any(checks(key, algorithm) for algorithm in issuer.algorithms)]
    if not good:
        words = {"count": len(keys), "algorithms": ", ".join(issuer.algorithms)}
        return "no usable keys", messages.UNUSABLE_KEYS.at(source=source, where=where, **words)
    return f"{len(good)} {'key' if len(good) == 1 else 'keys'} at {where}", None


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
