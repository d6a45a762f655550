"""Whether a message is signed by a key that the sandbox knows: the whole of it, with the certificate beside.

Stricter than XML Signature: whatever is not exactly this form is no signature. It believes no certificate, only the key that it
was given.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from copy import deepcopy
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from syncd_workday.answers import Element

_DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_CANON: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_WAYS: Final = (
    _CANON,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    _CANON,
    "http://www.w3.org/2001/04/xmlenc#sha256",
)


def sealed_by(root: Element, key: RSAPublicKey) -> bool:
    """Tell whether the message is signed by this key, and says what was signed."""
    signatures = root.findall(f".//{_DS}Signature")
    if len(signatures) != 1 or signatures[0].find(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate") is None:
        return False
    (signature,) = signatures
    said = signature.find(f"{_DS}SignedInfo")
    references = signature.findall(f"{_DS}SignedInfo/{_DS}Reference")
    if said is None or [one.get("URI") for one in references] != [""]:
        return False
    if tuple(one.get("Algorithm") for one in said.iter() if one.get("Algorithm") is not None) != _WAYS:
        return False
    digest = hashlib.sha256(_canonical(_without_signature(root))).digest()
    try:
        key.verify(_bytes(signature, "SignatureValue"), _canonical(said), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return digest == _bytes(references[0], "DigestValue")


def _without_signature(root: Element) -> Element:
    bare = deepcopy(root)
    (signature,) = bare.findall(f".//{_DS}Signature")
    parent = signature.getparent()
    assert parent is not None
    parent.remove(signature)
    return bare


def _canonical(element: Element) -> bytes:
    return bytes(etree.tostring(element, method="c14n", exclusive=True, with_comments=False))


def _bytes(element: Element, name: str) -> bytes:
    return b64decode(element.findtext(f"{_DS}{name}") or "")
