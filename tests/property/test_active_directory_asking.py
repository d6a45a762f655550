"""What is asked is, to the byte, what ldap3 would have asked."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from ldap3 import BASE, DEREF_NEVER, LEVEL, SUBTREE
from ldap3.operation.search import search_operation
from ldap3.protocol.convert import build_controls_list
from ldap3.protocol.rfc2696 import paged_search_control
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from ldap3.utils.asn1 import encode
from ldap3.utils.conv import escape_filter_chars

from syncd_active_directory.asking import Control, paging, request

_names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_values = (
    st.one_of(
        _texts.map(escape_filter_chars),
        st.binary(min_size=1, max_size=40).map(lambda raw: "".join(f"\\{byte:02x}" for byte in raw)),
    )
    # Around a value ldap3 takes blanks away; so it does for us, because it is asked.
    .filter(lambda text: bool(text.strip()))
)
_rules = st.sampled_from(["1.2.840.113556.1.4.803", "1.2.840.113556.1.4.1941", "caseIgnoreMatch"])


def _substring(parts: list[str]) -> str:
    return "*".join(parts)


_plain = st.text(st.sampled_from("abcXYZ019-_.,=: /äé@"), min_size=1, max_size=20).filter(
    lambda text: bool(text.strip())
)
_leaves = st.one_of(
    st.builds("({}={})".format, _names, _plain),
    st.builds("({}{}{})".format, _names, st.sampled_from(["=", ">=", "<=", "~="]), _values),
    st.builds("({}=*)".format, _names),
    st.builds("({}={})".format, _names, st.lists(_values, min_size=2, max_size=4).map(_substring)),
    st.builds("({}=*{}*)".format, _names, _values),
    st.builds("({}:{}:={})".format, _names, _rules, _values),
    st.builds("({}:dn:{}:={})".format, _names, _rules, _values),
    st.builds("({}:dn:={})".format, _names, _values),
    st.builds("(:{}:={})".format, _rules, _values),
)
_filters = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds("({}{})".format, st.sampled_from("&|"), st.lists(inner, min_size=1, max_size=4).map("".join)),
        st.builds("(!{})".format, inner),
    ),
    max_leaves=12,
)
_oids = st.sampled_from(["1.2.840.113556.1.4.528", "1.3.6.1.4.1.4203.1.9.1.1", "1.2.840.113556.1.4.529"])
_controls = st.lists(st.tuples(_oids, st.booleans(), st.none() | st.binary(max_size=300)), max_size=3)


def by_ldap3(
    number: int, *, base: str, scope: str, filter_: str, wanted: Sequence[str], most: int, controls: Sequence[Control]
) -> bytes:
    asked = search_operation(base, filter_, scope, DEREF_NEVER, list(wanted), most, 0, False, True, False)
    message = LDAPMessage()
    message["messageID"] = MessageID(number)
    message["protocolOp"] = ProtocolOp().setComponentByName("searchRequest", asked)
    built = build_controls_list(list(controls))
    if built is not None:
        message["controls"] = built
    return bytes(encode(message))


@given(
    number=st.integers(1, 2**31 - 1),
    base=_texts,
    scope=st.sampled_from([BASE, LEVEL, SUBTREE]),
    filter_=_filters,
    wanted=st.lists(_names, min_size=1, max_size=20),
    most=st.integers(0, 2**31 - 1),
    controls=_controls,
)
def test_a_request_is_what_ldap3_would_have_sent(
    *, number: int, base: str, scope: str, filter_: str, wanted: list[str], most: int, controls: list[Control]
) -> None:
    asked = {"base": base, "scope": scope, "filter_": filter_, "wanted": wanted, "most": most, "controls": controls}
    assert request(number, **asked) == by_ldap3(number, **asked)  # type: ignore[arg-type]


@given(size=st.integers(1, 1000), cookie=st.binary(max_size=300))
def test_a_page_is_asked_for_as_ldap3_does(size: int, cookie: bytes) -> None:
    oid, critical, value = paging(size, cookie)
    theirs = paged_search_control(criticality=True, size=size, cookie=cookie)
    assert (oid, critical) == (str(theirs["controlType"]), bool(theirs["criticality"]))
    assert value == bytes(theirs["controlValue"])
