"""The sandbox over real HTTP: Human_Resources by SOAP, and the token endpoint. One tenant, one integration user."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from syncd_workday.answers import NAMES, Element, text_of
from syncd_workday.sandbox import rendering, row_service
from syncd_workday.sandbox.rendering import Manner
from syncd_workday.sandbox.rows import Reporting
from syncd_workday.sandbox.seals import sealed_by
from syncd_workday.sandbox.store import Facts, Store, Worker

_WSSE: Final = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
_INVALID: Final = "SOAP-ENV:Client.validationError"
Reply = tuple[int, bytes]


@dataclass(slots=True, kw_only=True)
class Quirks:
    """What the tenant does, and readers in the wild stumble over."""

    manner: Manner = field(default_factory=Manner)
    reporting: Reporting = field(default_factory=Reporting)
    most_rows: int = 10_000
    """Rows that a page of a query has at most, however many are asked for."""
    constrained_to: set[str] | None = None
    """The integration user sees workers of these organizations only, and is not told."""
    not_granted: set[str] = field(default_factory=set)
    """Tasks that the integration user may not do."""
    before: Callable[[str, int], Reply | None] = lambda *_: None
    """Asked with task and page before each answer; may answer itself."""
    meanwhile: Callable[[str, int], None] = lambda *_: None
    """Told of task and page after each answer: what happens between two pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request, understood."""

    root: Element
    entered: datetime
    pinned: bool
    effective: date
    page: int
    size: int


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """A tenant; `asked` remembers tasks with their pages."""

    store: Store
    quirks: Quirks = field(default_factory=Quirks)
    tenant: str = "example"
    user: str = "ISU_example"
    password: str = "example-password"
    refresh_token: str = "example-refresh"
    client: str = "example"
    client_key: RSAPublicKey | None = None
    """The key that is registered on the API client; None: any signature will do."""
    account_key: RSAPublicKey | None = None
    """The key that is registered on the integration user's account; None: no message can be signed."""
    sealed: list[bytes] = field(default_factory=list)
    """Messages that were signed."""
    token_status: int = 200
    """What the token service answers with, where it is busy."""
    tokens: set[str] = field(default_factory=set)
    assertions: list[str] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    reports: dict[str, str] = field(
        default_factory=lambda: {f"ISU_example/{kind.capitalize()}": kind for kind in ("people", "units", "count")}
    )
    """Custom reports by owner and name: of `people`, of `units`, or their `count`."""
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def endpoint(self) -> str:
        return f"{self.url}/ccx/service/{self.tenant}/Human_Resources/v44.0"

    def __enter__(self) -> Self:
        sandbox = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, content = sandbox.answered(self.path, body, self.headers.get("authorization", ""))
                if status == 0:  # the connection breaks in the middle of the answer
                    status, cut = 200, True
                else:
                    cut = False
                self.send_response(status)
                self.send_header("content-type", "text/xml;charset=UTF-8")
                self.send_header("content-length", str(len(content) + 100 * cut))
                self.end_headers()
                self.wfile.write(content)
                self.close_connection |= cut

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def answered(self, target: str, body: bytes, authorization: str) -> Reply:
        """Return status and body; status 0 breaks the connection before the end."""
        path = urlsplit(target).path
        if path == f"/ccx/oauth2/{self.tenant}/token":
            return self._token(body)
        if (own := row_service.answered(self, target, body, authorization)) is not None:
            return own
        if not path.startswith(f"/ccx/service/{self.tenant}/Human_Resources/"):
            return 404, b"<html><body>Not found</body></html>"
        root = etree.fromstring(body.strip())
        request = root.find("{*}Body/*")
        task = etree.QName(request).localname.removesuffix("_Request")
        page = int(text_of(request, "wd:Response_Filter/wd:Page") or "1")
        self.asked.append((task, page))
        if (own := self.quirks.before(task, page)) is not None:
            return own
        if (refused := self._signed_in(root, authorization)) is not None:
            return refused
        if task in self.quirks.not_granted:
            words = "Processing error occurred. The task submitted is not authorized."
            return 500, rendering.fault("SOAP-ENV:Server.processingError", words, detail=words, kind="Processing")
        reply = self._reply(task, request, root)
        self.quirks.meanwhile(task, page)
        return reply

    # --- who asks ---

    def _signed_in(self, root: Element, authorization: str) -> Reply | None:
        if authorization:
            return None if authorization.removeprefix("Bearer ") in self.tokens else (401, b"")
        name = (root.findtext(f".//{_WSSE}Username") or "").strip()
        if name == f"{self.user}@{self.tenant}" and self.account_key is not None and sealed_by(root, self.account_key):
            self.sealed.append(etree.tostring(root))
            return None
        password = (root.findtext(f".//{_WSSE}Password") or "").strip()
        if (name, password) == (f"{self.user}@{self.tenant}", self.password):
            return None
        return 500, rendering.fault("SOAP-ENV:Client.authenticationError", "invalid username or password")

    def _token(self, body: bytes) -> Reply:
        if self.token_status != 200:
            return self.token_status, b""
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        match form.get("grant_type"):
            case "refresh_token" if form.get("refresh_token") == self.refresh_token:
                pass
            case "urn:ietf:params:oauth:grant-type:jwt-bearer" if self._vouched(form["assertion"]):
                self.assertions.append(form["assertion"])
            case _:
                return 400, b'{"error":"invalid_grant"}'
        # One client in the wild reads the token as a JWT.
        ends_at = int(self.store.now.timestamp()) + 3600
        token = ".".join(map(_encoded, ({"alg": "RS256"}, {"exp": ends_at, "jti": len(self.tokens) + 1}, "example")))
        self.tokens.add(token)
        return 200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).encode()

    def _vouched(self, assertion: str) -> bool:
        """Tell whether an assertion is signed by the client's key, for our user, and of now (RFC 7523 §3)."""
        signed, _, signature = assertion.rpartition(".")
        claims = json.loads(_decoded(signed.partition(".")[2]))
        there = (claims["iss"], claims["sub"], claims["aud"]) == (self.client, self.user, "wd")
        # Workday wants short ones.
        if not there or not 0 < claims["exp"] - self.store.now.timestamp() <= 300:
            return False
        if self.client_key is None:
            return True
        try:
            self.client_key.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    # --- what is asked ---

    def _reply(self, task: str, request: Element, root: Element) -> Reply:
        if task == "Server_Timestamp_Get":
            at = self.store.now.isoformat(timespec="milliseconds")
            inner = f"<wd:Server_Timestamp_Data>{at}</wd:Server_Timestamp_Data>"
            return 200, rendering.enveloped(
                f'<wd:Server_Timestamp xmlns:wd="{rendering.NAMESPACE}">{inner}</wd:Server_Timestamp>'
            )
        if wrong := self._wrong(request):
            return 500, rendering.fault(_INVALID, f"Validation error occurred. {wrong}", detail=wrong)
        asked = self._understood(request)
        described = text_of(root, ".//wd:Include_Reference_Descriptors_In_Response") in ("1", "true")
        manner = replace(self.quirks.manner, descriptors=described)
        if task == "Get_Organizations":
            types = {each.text for each in request.iterfind(".//wd:Organization_Type_Reference/wd:ID", NAMES)}
            there = [each for each in self.store.organizations.values() if not types or each.type in types]
            rows = [rendering.organization(each, manner=manner) for each in there if not each.inactive]
        else:
            whole = request.find("wd:Response_Group/wd:Include_Personal_Information", NAMES) is not None
            found = [*self._selected(asked)]
            # Pages belong together by their entry moment; without one, the order is that of the last change.
            found.sort(key=lambda pair: pair[0].wid if asked.pinned else str(pair[0].events[-1].entered))
            rows = [rendering.worker(self.store, one, facts, manner=manner, whole=whole) for one, facts in found]
        start = (asked.page - 1) * asked.size
        shown = rows[start : start + asked.size]
        return 200, rendering.response(task, shown, total=len(rows), page=asked.page, size=asked.size, version="v44.0")

    def _understood(self, request: Element) -> _Asked:
        said = {name: text_of(request, f"wd:Response_Filter/wd:{name}") for name in ("Page", "Count")}
        entered = text_of(request, "wd:Response_Filter/wd:As_Of_Entry_DateTime")
        effective = text_of(request, "wd:Response_Filter/wd:As_Of_Effective_Date")
        return _Asked(
            root=request,
            entered=datetime.fromisoformat(entered) if entered else self.store.now,
            pinned=bool(entered),
            effective=date.fromisoformat(effective[:10]) if effective else self.store.now.date(),
            page=int(said["Page"] or "1"),
            size=int(said["Count"] or "100"),
        )

    def _wrong(self, request: Element) -> str:
        """Return what Workday refuses: the validations that its description prints."""
        if text_of(request, "wd:Response_Filter/wd:Page") == "0":
            return "The page number cannot be zero."
        if int(text_of(request, "wd:Response_Filter/wd:Count") or "1") > 999:
            return "The count cannot be greater than 999."
        for window in request.iterfind(".//wd:Transaction_Date_Range_Data", NAMES):
            for name in ("Updated", "Effective"):
                start, end = text_of(window, f"wd:{name}_From"), text_of(window, f"wd:{name}_Through")
                if bool(start) != bool(end):
                    return f"{name} From and {name} Through are both needed."
                if start and datetime.fromisoformat(start) > datetime.fromisoformat(end):
                    return f"{name} From must be before {name} Through."
                if end and name == "Updated" and datetime.fromisoformat(end) > self.store.now:
                    return "Updated Through may not be later than now."
        for reference in request.iterfind("wd:Request_References", NAMES):
            if reference.get(f"{{{rendering.NAMESPACE}}}Skip_Non_Existing_Instances") in ("1", "true"):
                continue
            known = {name for one in self.store.workers.values() for name in (one.wid, one.number)}
            for each in reference.iterfind("wd:Worker_Reference/wd:ID", NAMES):
                if each.text not in known:
                    type_ = each.get(f"{{{rendering.NAMESPACE}}}type")
                    return f"Invalid ID value.  '{each.text}' is not a valid ID value for type = '{type_}'"
        return ""

    def _selected(self, asked: _Asked) -> Iterator[tuple[Worker, Facts]]:
        limits = self.quirks.constrained_to
        wanted = [
            (each.get(f"{{{rendering.NAMESPACE}}}type"), each.text)
            for each in asked.root.iterfind("wd:Request_References/wd:Worker_Reference/wd:ID", NAMES)
        ]
        persons = {each.text for each in asked.root.iterfind(".//wd:Universal_ID_Reference/wd:ID", NAMES)}
        logs = asked.root.findall(".//wd:Transaction_Log_Criteria_Data/wd:Transaction_Date_Range_Data", NAMES)
        for one in self.store.workers.values():
            facts = one.facts(entered=asked.entered, effective=asked.effective)
            if facts is None or (limits is not None and facts.organization not in limits):
                continue
            kind = "Contingent_Worker_ID" if one.contingent else "Employee_ID"
            if wanted and not {("WID", one.wid), (kind, one.number)} & {*wanted}:
                continue
            if persons and one.universal not in persons:
                continue
            # Several blocks are alternatives.
            if logs and not any(_names(log, one, asked.entered) for log in logs):
                continue
            yield one, facts


def _names(log: Element, one: Worker, entered: datetime) -> bool:
    """Tell whether a block of criteria names a worker: each of its two windows that is there has to."""
    for name in ("Updated", "Effective"):
        start, end = text_of(log, f"wd:{name}_From"), text_of(log, f"wd:{name}_Through")
        if start:
            window = (datetime.fromisoformat(each).astimezone(UTC) for each in (start, end))
            if not one.touched(name, *window, entered=entered):
                return False
    return True


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(part: object) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
