"""Messages that the integration user's key has signed (XML Signature, https://www.w3.org/TR/xmldsig-core1/): no password travels.

What is signed is the whole message, enveloped, and the certificate stands in `X509Data`. That is the form of which users report
that Workday takes it (github.com/tonybaloney/workday, issue 1), and a vendor that it takes no BinarySecurityToken (ServiceNow
KB0856006); no document of Workday's own was at hand. Canonical forms are lxml's, the signature is cryptography's; nothing is
verified here.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncd.core.errors import NeedsHuman
from syncd.core.ports import Room
from syncd_workday import messages
from syncd_workday.envelope import enveloped
from syncd_workday.settings import CertificateSettings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_CANON: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED: Final = f"{_DS}enveloped-signature"
_SIGNED_BY: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_DIGESTED_BY: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_SECURITY: Final = (
    "{*}Header/{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}Security"
)


class Seal:
    """The key and the certificate of an integration user, read once."""

    def __init__(self, settings: CertificateSettings, room: Room) -> None:
        self._settings = settings
        self._room = room

    def __repr__(self) -> str:
        return "Seal()"

    def sealed(self, body: str, *, user: str) -> bytes:
        """Return the whole message, signed. Raises `NeedsHuman` for a key or a certificate that cannot be used."""
        from lxml import etree

        ends = self.certificate.not_valid_after_utc
        if self._room.now() >= ends:
            raise NeedsHuman(messages.BAD_CERTIFICATE.at(why=f"it has ended on {ends:%Y-%m-%d}"))
        root = etree.fromstring(enveloped(body, user=user))
        holder = root.find(_SECURITY)
        assert holder is not None, "a message with a user has a place for tokens"
        # The signature is no part of what it signs: now it is not there yet.
        said = etree.fromstring(_said(_digest(_canonical(root))))
        signature = etree.SubElement(holder, f"{{{_DS}}}Signature", nsmap={"ds": _DS})
        signature.append(said)
        value = etree.SubElement(signature, f"{{{_DS}}}SignatureValue")
        value.text = self._signed(_canonical(said))
        data = etree.SubElement(etree.SubElement(signature, f"{{{_DS}}}KeyInfo"), f"{{{_DS}}}X509Data")
        etree.SubElement(data, f"{{{_DS}}}X509SubjectName").text = self.certificate.subject.rfc4514_string()
        etree.SubElement(data, f"{{{_DS}}}X509Certificate").text = self._encoded
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))

    def _signed(self, content: bytes) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return b64encode(self._key.sign(content, PKCS1v15(), SHA256())).decode()

    @cached_property
    def certificate(self) -> Certificate:
        """Return the certificate whose key signs. Raises `NeedsHuman`."""
        from cryptography.x509 import load_pem_x509_certificate

        try:
            found = load_pem_x509_certificate(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise NeedsHuman(messages.BAD_CERTIFICATE.at(why=type(error).__name__)) from None
        if found.public_key() != self._key.public_key():
            raise NeedsHuman(messages.BAD_CERTIFICATE.at(why="it belongs to another key"))
        return found

    @cached_property
    def _encoded(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding

        return b64encode(self.certificate.public_bytes(Encoding.DER)).decode()

    @cached_property
    def _key(self) -> RSAPrivateKey:
        return private_key(self._settings.key.reveal())

    @property
    def _path(self) -> Path:
        return self._room.base / self._settings.certificate


def private_key(pem: str) -> RSAPrivateKey:
    """Return an RSA key. Raises `NeedsHuman` for an unusable one."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise NeedsHuman(messages.BAD_KEY.at(why=type(error).__name__)) from None
    if not isinstance(key, RSAPrivateKey):
        raise NeedsHuman(messages.BAD_KEY.at(why="it is no RSA key"))
    return key


def _said(digest: str) -> str:
    """Return what is signed: how, and the digest of the whole message without its signature."""
    return (
        f'<ds:SignedInfo xmlns:ds="{_DS}"><ds:CanonicalizationMethod Algorithm="{_CANON}"/>'
        f'<ds:SignatureMethod Algorithm="{_SIGNED_BY}"/><ds:Reference URI=""><ds:Transforms>'
        f'<ds:Transform Algorithm="{_ENVELOPED}"/><ds:Transform Algorithm="{_CANON}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{_DIGESTED_BY}"/><ds:DigestValue>{digest}</ds:DigestValue>'
        "</ds:Reference></ds:SignedInfo>"
    )


def _canonical(element: object) -> bytes:
    from lxml import etree

    return bytes(etree.tostring(element, method="c14n", exclusive=True, with_comments=False))


def _digest(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()
