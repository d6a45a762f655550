"""How the stand-in answers a search: what [MS-ADTS] 3.1.1.3 says a domain controller does, with the limits that it enforces.

It writes nothing to any socket and plays no faults: it returns an `Answer`, which the script may spoil before it is sent.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from servers import ldap_standin_ber as ber
from servers import ldap_standin_filter as filters
from servers import ldap_standin_names as names
from servers.ldap_standin_node import Node
from servers.ldap_standin_tree import BASE, Replica, sid
from servers.ldap_standin_view import Account, View

PAGED: Final = "1.2.840.113556.1.4.319"
SHOW_DELETED: Final = "1.2.840.113556.1.4.417"
SORT: Final = "1.2.840.113556.1.4.473"
SORTED: Final = "1.2.840.113556.1.4.474"
"""The control of the answer to it (RFC 2891)."""
EXTENDED_DN: Final = "1.2.840.113556.1.4.529"
DIRSYNC: Final = "1.2.840.113556.1.4.841"
DOMAIN_SCOPE: Final = "1.2.840.113556.1.4.1339"
SHOW_RECYCLED: Final = "1.2.840.113556.1.4.2064"
CONTROLS: Final = (PAGED, SHOW_DELETED, SORT, EXTENDED_DN, DIRSYNC, DOMAIN_SCOPE, SHOW_RECYCLED)
CAPABILITIES: Final = ("1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.1791")
"""Active Directory; of Windows Server 2003; that also signs and seals after NTLM ([MS-ADTS] 3.1.1.3.4.3)."""
BASE_ONLY, ONE_LEVEL, SUBTREE = 0, 1, 2
_PARTITIONS: Final = (
    ("ForestDnsZones.", f"DC=ForestDnsZones,{BASE}"),
    ("DomainDnsZones.", f"DC=DomainDnsZones,{BASE}"),
    ("", f"CN=Configuration,{BASE}"),
)
_DOMAIN: Final = "corp.example.com"


@dataclass(slots=True, kw_only=True)
class Limits:
    """LDAP policies with the numbers that Active Directory ships ([MS-ADTS] 3.1.1.3.4.6)."""

    max_page_size: int = 1000
    max_val_range: int = 1500
    max_temp_table: int = 10_000
    max_result_sets: int = 10
    """Unfinished paged searches on one connection; the oldest is dropped then (MaxResultSetsPerConn)."""
    dirsync_bytes: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search, understood."""

    base: str
    scope: int
    size_limit: int
    types_only: bool
    question: filters.Question
    filter: str
    attributes: tuple[str, ...]
    controls: Mapping[str, ber.Control]

    @classmethod
    def of(cls, message: ber.Message) -> Search:
        """Read one off a message."""
        body = ber.search_body(message.body)
        return cls(
            base=body.base,
            scope=body.scope,
            size_limit=body.size_limit,
            types_only=body.types_only,
            question=filters.compiled(body.filter),
            filter=filters.text(body.filter),
            attributes=body.attributes,
            controls={control.oid: control for control in message.controls},
        )


@dataclass(slots=True, kw_only=True)
class Answer:
    """What is going to be sent."""

    entries: list[tuple[str, bytes]] = field(default_factory=list)
    """(name, the operation's bytes)."""
    references: list[str] = field(default_factory=list)
    code: int = 0
    matched: str = ""
    text: str = ""
    referral: tuple[str, ...] = ()
    controls: list[ber.Control] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Paging:
    """A paged search that is under way on one connection."""

    rest: list[uuid.UUID]
    filter: str
    shown: Answer


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What a server remembers of one connection."""

    number: int
    account: Account | None = None
    encrypted: bool = False
    pagings: dict[bytes, Paging] = field(default_factory=dict)


def refused(code: int, text: str) -> Answer:
    """Return an answer that holds nothing but a refusal."""
    return Answer(code=code, text=text)


Changes = Callable[[Search, View, Node, Account], Answer]
"""Answers a DirSync search."""


class Searching:
    """Answers the searches of one conversation from one replica."""

    def __init__(self, replica: Replica, limits: Limits, talk: Conversation, changes: Changes) -> None:
        self._replica = replica
        self._limits = limits
        self._talk = talk
        self._changes = changes

    def answer(self, search: Search) -> Answer:
        """Return what a domain controller says."""
        unknown = [each.oid for each in search.controls.values() if each.critical and each.oid not in CONTROLS]
        if unknown:
            return refused(12, "00000057: LdapErr: DSID-0C090799, comment: Error processing control, data 0, v4563")
        if search.base == "" and search.scope == BASE_ONLY:
            return self._root(search)
        account = self._talk.account
        if account is None:
            text = "comment: In order to perform this operation a successful bind must be completed on the connection."
            return refused(1, f"000004DC: LdapErr: DSID-0C090A5C, {text}, data 0, v4563")
        if search.scope == BASE_ONLY and _same(search.base, service_name(self._replica)):
            return self._service(search)
        view = View(self._replica, account, extended=extended(search), max_val_range=self._limits.max_val_range)
        base = self._replica.find(search.base) if _is_name(search.base) else None
        if base is None or not view.visible(base) or (base.deleted and not _shows_deleted(search)):
            return self._nothing_there(search)
        if DIRSYNC in search.controls:
            return self._changes(search, view, base, account)
        return self._many(search, view, base)

    # --- the server itself --------------------------------------------------------------------------------------------

    def _root(self, search: Search) -> Answer:
        shown = [("objectClass", [b"top"]), *root(self._replica)]
        if self._talk.account and "tokengroups" in map(str.lower, search.attributes):
            shown.append(("tokenGroups", [sid(each) for each in sorted(self._talk.account.groups)]))
        return Answer(entries=[("", ber.entry(b"", _asked(search, shown)))])

    def _service(self, search: Search) -> Answer:
        own = service_name(self._replica)
        shown = [
            ("objectClass", [b"top", b"applicationSettings", b"nTDSDSA"]),
            ("cn", [b"NTDS Settings"]),
            ("distinguishedName", [own.encode()]),
            ("objectGUID", [uuid.uuid5(uuid.NAMESPACE_DNS, self._replica.name).bytes_le]),
            ("invocationId", [self._replica.invocation.bytes_le]),
        ]
        return Answer(entries=[(own, ber.entry(own.encode(), _asked(search, shown)))])

    def _nothing_there(self, search: Search) -> Answer:
        for below in self._replica.below:
            if _is_name(search.base) and _within(search.base, below):
                url = f"ldap://{_host(below)}/{search.base}"
                text = f"0000202B: RefErr: DSID-031007F9, data 0, 1 access points\n\tref 1: '{_host(below)}'"
                return Answer(code=10, text=text, referral=(url,))
        if _is_name(search.base) and not _within(search.base, BASE) and not names.identity(search.base):
            host = _host(search.base) or "elsewhere.example.com"
            text = f"0000202B: RefErr: DSID-0310083A, data 0, 1 access points\n\tref 1: '{host}'"
            return Answer(code=10, text=text, referral=(f"ldap://{host}/{search.base}",))
        matched = next((each for each in _above(search.base) if self._replica.find(each)), "")
        text = f"0000208D: NameErr: DSID-03100245, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'{matched}'\n"
        return Answer(code=32, matched=matched, text=text)

    # --- objects ------------------------------------------------------------------------------------------------------

    def _many(self, search: Search, view: View, base: Node) -> Answer:
        size = _page_size(search)
        if size is None:
            return self._unpaged(search, view, self._found(search, view, base), base)
        asked, cookie = size
        if cookie:
            paging = self._talk.pagings.pop(cookie, None)
            if paging is None or paging.filter != search.filter:
                # A cookie is good on the connection that it was given on, and once.
                return refused(12, "00000057: LdapErr: DSID-0C090797, comment: Error processing control, data 0, v4563")
            rest = paging.rest
        else:
            found = self._sorted(search, view, self._found(search, view, base))
            if isinstance(found, Answer):
                return found
            rest = [node.guid for node in found]
        return self._page(search, view, rest, size=asked, base=base)

    def _found(self, search: Search, view: View, base: Node) -> list[Node]:
        nodes: Iterator[Node] = iter([base])
        if search.scope == ONE_LEVEL:
            nodes = self._replica.children_of(base)
        elif search.scope == SUBTREE:
            nodes = iter([base, *self._replica.below_of(base)])
        shown = [node for node in nodes if _shows_deleted(search) or not self._is_deleted(node)]
        kept = [node for node in shown if view.visible(node) and search.question(view.facts(node))]
        # In the order of creation, as an index on the number of the object in the database gives them.
        return sorted(kept, key=lambda node: node.created)

    def _is_deleted(self, node: Node) -> bool:
        return node.deleted or node.guid == self._replica.deleted_objects

    def _sorted(self, search: Search, view: View, found: list[Node]) -> list[Node] | Answer:
        control = search.controls.get(SORT)
        if control is None:
            return found
        if len(found) > self._limits.max_temp_table:
            # MaxTempTableSize; the code in the control is adminLimitExceeded (RFC 2891). Recalled, not seen on the wire.
            done = ber.Control(oid=SORTED, value=ber.sequence(ber.integer(11, ber.ENUMERATED)))
            return Answer(
                code=12, text="00002077: SvcErr: DSID-0314021D, problem 5010 (UNAVAIL_EXTENSION)", controls=[done]
            )
        keys = [list(ber.items(each)) for each in ber.sequence_of(control.value)]
        for parts in reversed(keys):
            attribute = parts[0][1].decode().lower()
            descending = any(tag == 0x81 and value != b"\0" for tag, value in parts)
            found = sorted(found, key=lambda node: _sort_key(view, node, attribute), reverse=descending)
        return found

    def _unpaged(self, search: Search, view: View, found: list[Node], base: Node) -> Answer:
        ordered = self._sorted(search, view, found)
        if isinstance(ordered, Answer):
            return ordered
        most = min(self._limits.max_page_size, search.size_limit or self._limits.max_page_size)
        answer = self._listed(search, view, ordered[:most])
        if len(ordered) > most:
            answer.code, answer.text = 4, "00002023: SvcErr: DSID-031A120C, problem 5012 (DIR_ERROR)"
        else:
            answer.references = self._continuations(search, base)
        return answer

    def _page(self, search: Search, view: View, rest: list[uuid.UUID], *, size: int, base: Node) -> Answer:
        # More than MaxPageSize is not refused, it is cut; no size at all means MaxPageSize.
        most = min(size or self._limits.max_page_size, self._limits.max_page_size)
        nodes = [node for guid in rest[:most] if (node := self._replica.nodes.get(guid)) and view.visible(node)]
        left, cookie = rest[most:], b""
        # What was deleted or moved away since the search began is not shown any more.
        answer = self._listed(search, view, [node for node in nodes if _shows_deleted(search) or not node.deleted])
        if left:
            cookie = secrets.token_bytes(16)
            self._talk.pagings[cookie] = Paging(rest=left, filter=search.filter, shown=answer)
            while len(self._talk.pagings) > self._limits.max_result_sets:
                del self._talk.pagings[next(iter(self._talk.pagings))]
        else:
            answer.references = self._continuations(search, base)
        value = ber.sequence(ber.integer(0), ber.octets(cookie))
        answer.controls.append(ber.Control(oid=PAGED, value=value))
        return answer

    def _listed(self, search: Search, view: View, nodes: Sequence[Node]) -> Answer:
        answer = Answer()
        if SORT in search.controls:
            answer.controls.append(ber.Control(oid=SORTED, value=ber.sequence(ber.integer(0, ber.ENUMERATED))))
        for node in nodes:
            attributes = view.attributes(node, search.attributes, types_only=search.types_only)
            answer.entries.append((view.plain(node), ber.entry(view.dn(node).encode(), attributes)))
        return answer

    def _continuations(self, search: Search, base: Node) -> list[str]:
        """Return where the search goes on: only searches of the whole domain meet other partitions."""
        if search.scope != SUBTREE or base.guid != self._replica.root or DOMAIN_SCOPE in search.controls:
            return []
        partitions = [f"ldap://{prefix}{_DOMAIN}/{name}" for prefix, name in _PARTITIONS]
        return [*(f"ldap://{_host(below)}/{below}" for below in self._replica.below), *partitions]


def root(replica: Replica) -> list[tuple[str, list[bytes]]]:
    """Return the attributes of the server's own entry ([MS-ADTS] 3.1.1.3.2)."""
    configuration = f"CN=Configuration,{BASE}"
    said = {
        "currentTime": [replica.time_of(replica.usn)],
        "subschemaSubentry": [f"CN=Aggregate,CN=Schema,{configuration}".encode()],
        "dsServiceName": [service_name(replica).encode()],
        "namingContexts": [BASE.encode(), configuration.encode(), f"CN=Schema,{configuration}".encode()],
        "defaultNamingContext": [BASE.encode()],
        "rootDomainNamingContext": [BASE.encode()],
        "configurationNamingContext": [configuration.encode()],
        "schemaNamingContext": [f"CN=Schema,{configuration}".encode()],
        "supportedControl": [oid.encode() for oid in CONTROLS],
        "supportedLDAPVersion": [b"3", b"2"],
        "highestCommittedUSN": [str(replica.usn).encode()],
        "supportedSASLMechanisms": [b"GSSAPI", b"GSS-SPNEGO", b"EXTERNAL", b"DIGEST-MD5"],
        "dnsHostName": [f"{replica.name.lower()}.{_DOMAIN}".encode()],
        "serverName": [service_name(replica).partition(",")[2].encode()],
        "supportedCapabilities": [oid.encode() for oid in CAPABILITIES],
        "isSynchronized": [b"TRUE" if replica.synchronized else b"FALSE"],
        "isGlobalCatalogReady": [b"TRUE"],
        "domainFunctionality": [b"7"],
        "domainControllerFunctionality": [b"7"],
    }
    return list(said.items())


def service_name(replica: Replica) -> str:
    """Return the name of the controller's own settings object, which carries the invocation id."""
    site = "CN=Default-First-Site-Name,CN=Sites"
    return f"CN=NTDS Settings,CN={replica.name},CN=Servers,{site},CN=Configuration,{BASE}"


def extended(search: Search) -> int | None:
    """Return which form of extended names is asked for, None for plain ones."""
    control = search.controls.get(EXTENDED_DN)
    if control is None:
        return None
    return ber.number(ber.sequence_of(control.value)[0]) if control.value else 0


def _asked(search: Search, shown: Sequence[tuple[str, list[bytes]]]) -> list[tuple[str, list[bytes]]]:
    wanted = {name.lower() for name in search.attributes}
    return [pair for pair in shown if not wanted or "*" in wanted or pair[0].lower() in wanted]


def _page_size(search: Search) -> tuple[int, bytes] | None:
    control = search.controls.get(PAGED)
    if control is None:
        return None
    size, cookie = ber.sequence_of(control.value)
    return ber.number(size), cookie


def _shows_deleted(search: Search) -> bool:
    return SHOW_DELETED in search.controls or SHOW_RECYCLED in search.controls


def _sort_key(view: View, node: Node, attribute: str) -> tuple[bool, str]:
    values = view.values(node, attribute, plain=True)
    return (not values, values[0].decode(errors="replace").casefold() if values else "")


def _is_name(text: str) -> bool:
    if names.identity(text):
        return True
    try:
        names.parsed(text)
    except ValueError:
        return False
    return True


def _same(one: str, other: str) -> bool:
    return _is_name(one) and not names.identity(one) and names.key(names.parsed(one)) == names.key(names.parsed(other))


def _within(name: str, base: str) -> bool:
    if names.identity(name):
        return False
    inner, outer = names.key(names.parsed(name)), names.key(names.parsed(base))
    return inner[-len(outer) :] == outer


def _above(name: str) -> Iterator[str]:
    parts = names.parsed(name) if _is_name(name) and not names.identity(name) else ()
    for at in range(1, len(parts)):
        yield names.written(parts[at:])


def _host(name: str) -> str:
    return ".".join(value for type_, value in names.parsed(name) if type_.upper() == "DC")
