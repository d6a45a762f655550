"""Secrets by reference: `{env: NAME}`, `{file: PATH}`, `{credential: NAME}`, or, discouraged, literal text.

What `syncd.yaml` says is kept; the secret itself is fetched by `reveal()` each time it is needed, so that a rotated file is
seen without a restart. This module never shows a secret: not in `repr`, not in an error, not in a dump of the settings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from syncd.config.problems import refusal
from syncd.core.errors import Message, Misconfigured, Place, Problem, message

HIDDEN: Final = "**********"
OMIT_SECRETS: Final = {"secrets": "omit"}
"""A context for `model_dump`: leave secrets out, references too."""
MAX_BYTES: Final = 64 * 1024
"""A larger file is not a secret (systemd allows credentials of up to 1 MiB; passwords and keys are far smaller)."""

_WRONG_FORM: Final = message(
    "ENV-001",
    what="This is not a secret: {why}.",
    do="Write one of {{env: NAME}}, {{file: PATH}}, {{credential: NAME}}, or text in quotes.",
    example="app_secret: {envv: DINGTALK_SECRET}",
)
_UNSET: Final = message(
    "ENV-002",
    what="The environment variable {name} is not set.",
    do="Set it for the account under which syncd runs (systemd: EnvironmentFile=), or use {{file: …}} or {{credential: …}}.",
    example="app_secret: {env: DINGTALK_SECRET}  # and DINGTALK_SECRET is not there",
)
_EMPTY: Final = message(
    "ENV-003",
    what="The secret in {reference} is empty.",
    do="Put the secret there; a trailing line end is ignored.",
    example="DINGTALK_SECRET= syncd check",
)
_UNREADABLE: Final = message(
    "ENV-004",
    what="The secret in {reference} cannot be read: {why}.",
    do="Check the path, and that the account under which syncd runs may read it (owner syncd, mode 0600).",
    example="password: {file: /etc/syncd/ldap.pasword}",
)
_NO_DIRECTORY: Final = message(
    "ENV-005",
    what="The credential '{name}' is asked for, and systemd handed over no credentials ($CREDENTIALS_DIRECTORY is not set).",
    do="Add LoadCredential={name}:/path/of/the/file to the unit, or name a {{file: …}} or {{env: …}} for use by hand.",
    example="password: {credential: ldap}  # and syncd was started from a shell",
)
_NOT_TEXT: Final = message(
    "ENV-006",
    what="The secret in {reference} is not a short UTF-8 text.",
    do="Check that it names the right file: a password or key of at most 64 KiB, saved as UTF-8.",
    example="password: {file: /etc/ssl/keystore.p12}",
)
LITERAL: Final = message(
    "ENV-007",
    what="A secret is written in the file itself.",
    do="Move it out, and refer to it: {{env: NAME}}, {{file: PATH}} or {{credential: NAME}}.",
    example='app_secret: "the secret itself"',
)
EXPOSED: Final = message(
    "ENV-008",
    what="The secret in {reference} can be read by every account of this machine.",
    do="Take the right away: chmod o-rwx on the file.",
    example="chmod 644 /etc/syncd/ldap.password",
)


class Kind(StrEnum):
    """Where a secret is kept."""

    LITERAL = "literal"
    ENV = "env"
    FILE = "file"
    CREDENTIAL = "credential"


class Secret:
    """A secret, or where to find it. As a pydantic type it accepts text or a mapping with one key."""

    __slots__ = ("_base", "_env", "_word", "expires", "kind", "place")

    def __init__(
        self,
        kind: Kind,
        word: str,
        *,
        base: Path | None = None,
        env: Mapping[str, str] | None = None,
        expires: date | None = None,
    ) -> None:
        """`word` is the secret itself or the name of where it is; relative files start at `base`; on the day `expires` it is no
        longer good."""
        self.expires = expires
        self.kind = kind
        self.place = Place()
        """Where the reference is written, once `load` has said so."""
        self._word = word
        self._base = base or Path()
        self._env = os.environ if env is None else env

    @classmethod
    def literal(cls, text: str) -> Secret:
        """Return a secret that is its own text: for tests and the sandbox."""
        return cls(Kind.LITERAL, text)

    @property
    def reference(self) -> str:
        """Return how to speak of the secret without saying it."""
        return HIDDEN if self.kind is Kind.LITERAL else f"{self.kind} {self._word}"

    def reveal(self) -> str:
        """Fetch the secret now. Raises Misconfigured, naming the reference and never the value."""
        match self.kind:
            case Kind.LITERAL:
                return self._word
            case Kind.ENV:
                text = self._env.get(self._word)
                if text is None:
                    self._refuse(_UNSET, name=self._word)
            case Kind.FILE:
                text = self._read(self._base / self._word)
            case Kind.CREDENTIAL:
                text = self._read(self._credential())
        if not text:
            self._refuse(_EMPTY, reference=self.reference)
        return text

    def warning(self) -> Problem | None:
        """Return what is unwise about the way the secret is kept, None if nothing is."""
        if self.kind is Kind.LITERAL:
            return LITERAL.at(self.place)
        path = self._base / self._word
        # systemd's own credentials directory is readable by the service only, whatever the file's mode says.
        if self.kind is Kind.FILE and path.is_file() and path.stat().st_mode & 0o004:
            return EXPOSED.at(self.place, reference=self.reference)
        return None

    def _credential(self) -> Path:
        folder = self._env.get("CREDENTIALS_DIRECTORY")
        if not folder:
            self._refuse(_NO_DIRECTORY, name=self._word)
        return Path(folder) / self._word

    def _read(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except OSError as error:
            self._refuse(_UNREADABLE, reference=self.reference, why=error.strerror or "error")
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._refuse(_NOT_TEXT, reference=self.reference)
        if len(raw) > MAX_BYTES or "\0" in text:
            self._refuse(_NOT_TEXT, reference=self.reference)
        return text.rstrip("\r\n")

    def _refuse(self, told: Message, /, **words: object) -> NoReturn:
        raise Misconfigured([told.at(self.place, **words)]) from None

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.kind, self._word) == (other.kind, other._word)

    def __hash__(self) -> int:
        return hash((self.kind, self._word))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _validated,
            serialization=core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        kinds = {
            "env": "The environment variable that holds the secret.",
            "file": "The file that holds the secret; a relative path starts at the folder of syncd.yaml.",
            "credential": "The name of the systemd credential (LoadCredential=) that holds the secret.",
        }
        ends = {
            "type": "string",
            "format": "date",
            "description": "The day on which the secret is no longer good, such as 2027-01-31; somebody is told in time.",
        }
        references = [
            {
                "type": "object",
                "properties": {kind: {"type": "string", "description": doc, "minLength": 1}, "expires": ends},
                "required": [kind],
                "additionalProperties": False,
            }
            for kind, doc in kinds.items()
        ]
        return {"anyOf": [*references, {"type": "string", "description": "The secret itself: discouraged."}]}


def _day(written: object) -> date:
    """Return the day on which a secret is no longer good."""
    try:
        return date.fromisoformat(written) if isinstance(written, str) else _only_day(written)
    except (ValueError, TypeError):
        raise refusal(_WRONG_FORM, why="`expires` is a day, such as 2027-01-31") from None


def _only_day(written: object) -> date:
    if isinstance(written, datetime) or not isinstance(written, date):
        raise TypeError
    return written


def _dumped(secret: Secret, info: core_schema.SerializationInfo) -> str | dict[str, str] | None:
    if info.context == OMIT_SECRETS:
        return None
    if secret.kind is Kind.LITERAL:
        return HIDDEN
    ends = {"expires": secret.expires.isoformat()} if secret.expires is not None else {}
    return {str(secret.kind): secret._word, **ends}


def _validated(value: object, info: ValidationInfo) -> Secret:
    """Accept what `syncd.yaml` may say. The context may carry `base` (a Path) and `env` (a mapping)."""
    if isinstance(value, Secret):
        return value
    context = cast("Mapping[str, Any]", info.context or {})
    near: dict[str, Any] = {"base": context.get("base"), "env": context.get("env")}
    if isinstance(value, str):
        if not value:
            raise refusal(_WRONG_FORM, why="it is empty")
        return Secret(Kind.LITERAL, value, **near)
    if isinstance(value, Mapping) and "expires" in value:
        near["expires"] = _day(value["expires"])
        value = {key: word for key, word in value.items() if key != "expires"}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise refusal(_WRONG_FORM, why="it is neither text nor a mapping with one key (and `expires`)")
    ((key, word),) = value.items()
    if key not in ("env", "file", "credential"):
        raise refusal(_WRONG_FORM, why="the key is none of env, file and credential")
    if not isinstance(word, str) or not word:
        raise refusal(_WRONG_FORM, why=f"{key} must be followed by a name in text")
    if key == "credential" and Path(word).name != word:
        raise refusal(_WRONG_FORM, why="a credential has a plain name, without slashes")
    return Secret(Kind(key), word, **near)
