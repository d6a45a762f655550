"""Access tokens of an issuer, with a real server for its keys: who gets in, who does not, and how often keys are asked for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from pydantic import ValidationError

from support.scim_push import endpoint
from support.web import AT, CLIENT
from syncd.config.web import IssuerSettings, WebSettings
from syncd.core.ports import Standing, Verdict
from syncd.web import checks
from syncd.web.access_tokens import AGAIN_SECONDS, KEEP_SECONDS, LAST_SECONDS, Issuers

ISSUER = "https://id.example.com/tenant"
AUDIENCE = "api://syncd"
SCOPE = "scim.push"
Signer = RSAKey | ECKey | OKPKey | OctKey
LOOP = asyncio.Runner()
"""What is asked one after the other is asked in one loop, as a service has one."""


@pytest.fixture(scope="module", autouse=True)
def _one_loop() -> Iterator[None]:
    with LOOP:
        yield


class KeyServer:
    """Serves a set of public keys, and counts who asks."""

    def __init__(self, *keys: Signer) -> None:
        self.keys: list[dict[str, Any]] = [dict(one.as_dict(private=False)) for one in keys]
        self.status = 200
        self.asked: list[str] = []
        outer = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = json.dumps({"keys": outer.keys}).encode()
                self.send_response(outer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/keys"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture(scope="module")
def other() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"})


@pytest.fixture
def server(key: RSAKey) -> Iterator[KeyServer]:
    with KeyServer(key) as made:
        yield made


def _settings(keys: str, **changed: Any) -> IssuerSettings:
    return IssuerSettings.model_validate(
        {"issuer": ISSUER, "audience": AUDIENCE, "keys": keys, "scope": SCOPE, **changed}
    )


def _token(
    key: Signer, *, alg: str = "RS256", at: datetime = AT, header: Mapping[str, Any] | None = None, **said: Any
) -> str:
    seconds = int(at.timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "scope": f"openid {SCOPE}", "iat": seconds, "exp": seconds + 600, **said}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": key.kid, **(header or {})}, kept, key, algorithms=[alg])


def _opened(issuers: Issuers, *tokens: str, now: datetime = AT) -> list[str]:
    async def ask() -> list[str]:
        return list(await asyncio.gather(*(issuers.opened(one, now) for one in tokens)))

    return LOOP.run(ask())


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def _b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"aud": ["x", AUDIENCE]},
        {"scope": None, "scp": SCOPE},
        {"scope": None, "roles": [SCOPE]},
        {"exp": int(AT.timestamp()) - 30},
        {"nbf": int(AT.timestamp()) + 30},
    ],
    ids=str,
)
def test_a_token_that_says_what_it_must_opens_its_source(server: KeyServer, key: RSAKey, said: dict[str, Any]) -> None:
    issuers = Issuers({"entra": _settings(server.url)}, clock=Clock())
    assert _opened(issuers, _token(key, **said)) == ["entra"]


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "https://id.example.com/tenant/"},
        {"iss": None},
        {"aud": "api://other"},
        {"aud": []},
        {"aud": None},
        {"exp": None},
        {"exp": int(AT.timestamp()) - 61},
        {"exp": "never"},
        {"exp": True},
        {"nbf": int(AT.timestamp()) + 61},
        {"iat": int(AT.timestamp()) + 3600},
        {"scope": f"x{SCOPE}"},
        {"scope": None},
        {"scope": {SCOPE: True}},
    ],
    ids=str,
)
def test_a_token_that_does_not_opens_nothing(server: KeyServer, key: RSAKey, said: dict[str, Any]) -> None:
    assert _opened(Issuers({"entra": _settings(server.url)}, clock=Clock()), _token(key, **said)) == [""]


def test_no_token_is_believed_that_the_issuer_has_not_signed(server: KeyServer, key: RSAKey, other: RSAKey) -> None:
    good = _token(key)
    header, claims, signature = good.split(".")
    confused = f"{_b64({'alg': 'HS256', 'kid': 'one'})}.{claims}"
    mac = hmac.new(key.as_pem(private=False), confused.encode(), hashlib.sha256).digest()
    own = dict(other.as_dict(private=False))
    forged = RSAKey.import_key({**other.as_dict(private=True), "kid": "one"})
    hostile = [
        f"{_b64({'alg': 'none', 'kid': 'one'})}.{claims}.",
        f"{_b64({'alg': 'None', 'kid': 'one'})}.{claims}.{signature}",
        f"{_b64({'alg': ['RS256'], 'kid': 'one'})}.{claims}.{signature}",
        f"{confused}.{_b64(mac)}",
        _token(forged),
        _token(forged, header={"jwk": own}),
        _token(forged, header={"jku": f"{server.url}/mine"}),
        _token(forged, header={"x5u": f"{server.url}/mine"}),
        _token(key, alg="PS256"),
        _token(key, header={"kid": "../../etc/passwd"}),
        _token(key, header={"kid": f"{server.url}/mine"}),
        _token(key, header={"kid": "' OR 1=1 --"}),
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{header}.{_b64({'iss': ISSUER})}.{signature}",
        f"{header}.{claims}.",
        f"{header}..{signature}",
        "..",
        "a.b.c",
        f"{_b64(b'[' * 3000)}.{claims}.{signature}",
        f"{good}.x.y",
        f"{header}.{_b64(b'x' * 9000)}.{signature}",
        "é.é.é",
    ]
    issuers = Issuers({"entra": _settings(server.url)}, clock=Clock())
    assert _opened(issuers, *hostile) == [""] * len(hostile)
    assert _opened(issuers, good) == ["entra"]
    assert server.asked == ["/keys"], "nothing in a token decides what is fetched"


def test_a_public_key_that_is_served_as_a_shared_secret_is_passed_over(server: KeyServer, key: RSAKey) -> None:
    secret = OctKey.generate_key(256, {"kid": "one"})
    encrypting = {**key.as_dict(private=False), "kid": "enc", "use": "enc"}
    server.keys = [dict(secret.as_dict(private=True)), {"kty": "RSA"}, "x", {"kty": "PQC"}, encrypting]  # type: ignore[list-item]
    issuers = Issuers({"entra": _settings(server.url)}, clock=Clock())
    assert _opened(issuers, _token(secret, alg="HS256"), _token(key, header={"kid": "enc"})) == ["", ""]


@pytest.mark.parametrize(
    ("alg", "made"), [("ES256", ECKey.generate_key("P-256")), ("Ed25519", OKPKey.generate_key("Ed25519"))]
)
def test_other_signatures_are_taken_where_they_are_allowed(server: KeyServer, alg: str, made: ECKey | OKPKey) -> None:
    made.ensure_kid()
    server.keys = [dict(made.as_dict(private=False))]
    allowed, usual = _settings(server.url, algorithms=[alg]), _settings(server.url)
    assert _opened(Issuers({"entra": allowed}, clock=Clock()), _token(made, alg=alg)) == ["entra"]
    assert _opened(Issuers({"entra": usual}, clock=Clock()), _token(made, alg=alg)) == [""]


def test_keys_are_asked_for_once_and_again_when_they_change_but_not_without_end(
    server: KeyServer, key: RSAKey, other: RSAKey
) -> None:
    clock = Clock()
    issuers = Issuers({"entra": _settings(server.url)}, clock=clock)
    assert _opened(issuers, *[_token(key)] * 20) == ["entra"] * 20
    assert len(server.asked) == 1
    server.keys = [dict(one.as_dict(private=False)) for one in (key, other)]
    clock.seconds += AGAIN_SECONDS + 1
    assert _opened(issuers, _token(other), _token(key)) == ["entra", "entra"], "a new key is learned at once"
    assert len(server.asked) == 2
    assert _opened(issuers, *(_token(key, header={"kid": f"guess{n}"}) for n in range(30))) == [""] * 30
    assert len(server.asked) == 2, "a minute has not passed"
    server.keys = server.keys[1:]
    clock.seconds += KEEP_SECONDS + 1
    assert _opened(issuers, _token(key), _token(other)) == ["", "entra"], "a key that was taken back opens nothing"


def test_keys_that_cannot_be_looked_at_are_believed_for_a_day(server: KeyServer, key: RSAKey) -> None:
    clock = Clock()
    issuers = Issuers({"entra": _settings(server.url)}, clock=clock)
    assert _opened(issuers, _token(key)) == ["entra"]
    server.status = 503
    clock.seconds += LAST_SECONDS - 1
    assert _opened(issuers, *[_token(key)] * 3) == ["entra"] * 3
    assert len(server.asked) == 2
    clock.seconds += 2
    assert _opened(issuers, _token(key)) == [""]
    server.status = 200
    clock.seconds += AGAIN_SECONDS
    assert _opened(issuers, _token(key)) == ["entra"]


def test_keys_stand_in_a_file_too_and_a_missing_one_opens_nothing(tmp_path: Path, key: RSAKey) -> None:
    file = tmp_path / "keys.json"
    clock = Clock()
    issuers = Issuers({"entra": _settings(str(file))}, clock=clock)
    assert _opened(issuers, _token(key)) == [""]
    file.write_text(json.dumps({"keys": [{**key.as_dict(private=False), "kid": "only"}]}), encoding="utf-8")
    clock.seconds += AGAIN_SECONDS + 1
    unnamed = jwt.encode({"alg": "RS256"}, json.loads(_claims_of(_token(key))), key)
    assert _opened(issuers, unnamed) == ["entra"], "without a name, the only key there is"


def _claims_of(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_token_opens_one_source_or_none(server: KeyServer, key: RSAKey) -> None:
    mine, theirs = _settings(server.url, claims={"azp": "a"}), _settings(server.url, claims={"azp": "b"})
    issuers = Issuers({"entra": mine, "partners": theirs}, clock=Clock())
    assert _opened(issuers, _token(key, azp="a"), _token(key, azp="b"), _token(key)) == ["entra", "partners", ""]
    both = Issuers({"entra": mine, "partners": _settings(server.url)}, clock=Clock())
    assert _opened(both, _token(key, azp="a"), _token(key, azp="b")) == ["", "partners"], "what fits two opens neither"


def test_over_http_it_opens_its_source_and_the_other_is_as_if_it_were_not_there(
    tmp_path: Path, server: KeyServer, key: RSAKey
) -> None:
    with endpoint(tmp_path, issuers={"entra": _settings(server.url)}) as (door, _):

        def ask(token: str, source: str) -> int:
            headers = {"authorization": f"Bearer {token}"}
            return CLIENT.get(f"{door.url}/scim/v2/{source}/Users", headers=headers).status_code

        assert ask(_token(key), "entra") == 200
        assert ask(_token(key), "partners") == 404
        assert ask(_token(key, at=AT - timedelta(hours=1)), "entra") == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": None},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"keys": "http://id.example.com/keys"},
        {"keys": "file:///etc/passwd"},
        {"leeway": "1h"},
        {"issuer": ""},
    ],
    ids=str,
)
def test_settings_that_would_let_anybody_in_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _settings(**{"keys": "https://id.example.com/keys", **changed})
    assert WebSettings().scim.issuers == {}


# --- syncd check --online ---------------------------------------------------------------------------------------------


def _checked(keys: str, **changed: Any) -> Verdict:
    """Return what `syncd check --online` says of the issuer."""
    web = WebSettings.model_validate({"scim": {"issuers": {"entra": _settings(keys, **changed)}}})

    async def asked() -> list[Verdict]:
        return [verdict async for verdict in checks.issuers(web)]

    (one,) = LOOP.run(asked())
    return one


def test_the_check_says_whether_the_keys_of_an_issuer_can_be_had(server: KeyServer, tmp_path: Path) -> None:
    well = _checked(server.url)
    assert (well.name, well.standing, well.problem) == ("issuer of entra", Standing.OK, None)
    assert well.seen == f"1 key at {server.url}"
    server.status = 503
    told = {"status 503": _checked(server.url), "No such file": _checked(str(tmp_path / "keys.json"))}
    for why, one in told.items():
        assert one.standing is Standing.FAILED
        assert one.problem is not None
        assert one.problem.code == "WEB-038"
        assert why in one.problem.what


@pytest.mark.parametrize("algorithms", [["ES256"], ["Ed25519", "ES384"]])
def test_the_check_says_that_keys_cannot_check_what_is_signed(server: KeyServer, algorithms: list[str]) -> None:
    one = _checked(server.url, algorithms=algorithms)
    assert one.problem is not None
    assert one.problem.code == "WEB-039"
    assert "(1) can check" in one.problem.what
    assert _checked(server.url, algorithms=[*algorithms, "PS256"]).problem is None


def test_the_check_takes_a_page_that_holds_no_keys_for_none(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text("<html>Sign in first</html>", encoding="utf-8")
    one = _checked(str(file))
    assert one.problem is not None
    assert one.problem.code == "WEB-039"
    assert "(0) can check" in one.problem.what
