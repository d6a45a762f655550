"""One spelling for names that can be spelled in several ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.dn import escape_rdn

from syncd_active_directory.names import one_spelling


@pytest.mark.parametrize(
    ("spelled", "one"),
    [
        ("ou=Plain,dc=example", "ou=Plain,dc=example"),
        ("ou=Sales\\2C Service,dc=example", "ou=Sales\\, Service,dc=example"),
        ("ou=Sales\\, Service,dc=example", "ou=Sales\\, Service,dc=example"),
        ("cn=a\\2b\\22\\5Cb", 'cn=a\\+\\"\\\\b'),
        ("cn=\\E5\\8C\\97,dc=example", "cn=北,dc=example"),
        ("cn=a\\3Db", "cn=a=b"),
        ("cn=a\\=b", "cn=a=b"),
        ("cn=\\20a\\20", "cn=\\ a\\ "),
        ("cn=\\#a", "cn=\\#a"),
        ("cn=a\\0Ab\\00", "cn=a\\0ab\\00"),
        ("cn=\\FFa", "cn=\\ffa"),
    ],
)
def test_names_that_mean_the_same_are_spelled_the_same(spelled: str, one: str) -> None:
    assert one_spelling(spelled) == one


@given(st.text(alphabet='ab ,+"\\<>;=北é\x00', min_size=1).filter(lambda value: value == value.strip()))
def test_however_a_value_is_escaped_it_is_spelled_in_one_way(value: str) -> None:
    hexadecimal = "".join(f"\\{byte:02X}" for byte in value.encode())
    once = one_spelling(hexadecimal)

    assert one_spelling(once) == once
    assert one_spelling(escape_rdn(value).replace(" ", "\\ ")) == once
