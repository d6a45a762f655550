"""What the Workday source can tell people. It names hosts, tasks and counts, and never a password or what a record says."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

_ENTRY: Final = (
    "sources:\n  hr:\n    type: workday\n    url: https://wd3-impl-services1.workday.com\n    tenant: example"
)

NO_SIGN_IN: Final = message(
    "WDY-001",
    what="The settings do not say how to sign in to Workday.",
    do="Give `user` and `password`, or `oauth`, or `jwt`, or `x509`; exactly one of them.",
    example=_ENTRY,
)
BAD_PATH: Final = message(
    "WDY-002",
    what="“{path}” is no XPath to something of a worker: {why}.",
    do="Write it as Workday’s documents do, from `wd:Worker/` on, with the prefix `wd:` before every name.",
    example=f"{_ENTRY}\n    attributes:\n      Badge: Worker/Custom_ID",
)
NO_LIBRARY: Final = message(
    "WDY-003",
    what="Workday cannot be read: the package lxml is not installed.",
    do="Install syncd with its extra: `pip install 'syncd[workday]'`.",
    example="a syncd that was installed without extras",
)
UNAUTHENTICATED: Final = message(
    "WDY-004",
    what="{host} does not accept our sign-in.",
    do="Check name and password, and whether the integration user is locked or its password has expired. Workday also says "
    "this where the user lacks every right to the service.",
    example=f"{_ENTRY}\n    user: ISU_syncd\n    password: {{env: AN_OLD_PASSWORD}}",
)
NOT_GRANTED: Final = message(
    "WDY-005",
    what="{host} does not let us do {task}.",
    do="Give the integration user’s security group Get access to the domain, and activate the pending security policy changes.",
    example="Get_Organizations without the domain Manage: Organization Integration",
)
REFUSED: Final = message(
    "WDY-006",
    what="{host} refused {task}: {detail}.",
    do="Look at the words of Workday; `version`, `page_size` and `organizations` decide what is asked for.",
    example=f"{_ENTRY}\n    version: v9.0",
)
BUSY: Final = message(
    "WDY-007",
    what="{host} cannot answer now ({why}).",
    do="Nothing: syncd comes again by itself. If it never gets through, make `page_size` smaller and see Workday’s status page.",
    example="SOAP-ENV:Server, an internal error: Workday's way to say “too many requests”",
)
NOT_WORKDAY: Final = message(
    "WDY-008",
    what="What {host} answered to {task} cannot be used: {why}.",
    do="Check `url`, `tenant` and `version`, and whether a proxy stands between.",
    example=f"{_ENTRY.replace('wd3-impl-services1.workday.com', 'www.example.com')}",
)
NO_TOKEN: Final = message(
    "WDY-009",
    what="{host} gave no access token: {why}.",
    do="Check the API client: its id, secret or certificate, the refresh token, its scopes, and that it is not disabled.",
    example=f"{_ENTRY}\n    oauth: {{client_id: example, client_secret: wrong, refresh_token: {{env: WORKDAY_REFRESH}}}}",
)
HIDDEN: Final = message(
    "WDY-010",
    what="Workday shows {section} of nobody any more; the last proven read had it of {share} % of the workers.",
    do="Give the integration user the domain back: {domain}. If that is meant to be so, write `{name}` into `without`.",
    example="a security policy change that took a domain from the integration user: no fault is told, the element is missing",
)
SHRUNK: Final = message(
    "WDY-011",
    what="Workday shows {count} worker records; the last proven read had {before}.",
    do="See whether the integration user’s security group has been constrained to some organizations. Nobody is treated as gone. "
    "If the loss is right, raise `allowed_loss` for one read.",
    example="a constrained security group: no fault is told, people are missing",
)
NOBODY: Final = message(
    "WDY-012",
    what="Workday shows no worker at all.",
    do="Give the integration user the domain Worker Data: Public Worker Reports, and see whether its group is constrained.",
    example="a new integration user without a security group",
)
BAD_KEY: Final = message(
    "WDY-013",
    what="The private key for signing in to Workday cannot be used: {why}.",
    do="Give an unencrypted RSA key in PEM form; its certificate is registered on the API client, or on the user’s account.",
    example=f"{_ENTRY}\n    jwt: {{client_id: example, user: ISU_syncd, key: {{file: a-public-key.pem}}}}",
)
WITHOUT_KEY: Final = message(
    "WDY-014",
    what="{count} worker records have no {identity} and were left out.",
    do="Choose another `identity`, or grant the domain that shows it. Until then nobody can be treated as gone.",
    example=f"{_ENTRY}\n    identity: universal_id   # in a tenant that has none",
)
BAD_ZONE: Final = message(
    "WDY-015",
    what="“{zone}” is no time zone.",
    do="Write an IANA name, such as Asia/Shanghai or Europe/Berlin.",
    example=f"{_ENTRY}\n    timezone: China Standard Time",
)
WRONG_WAY: Final = message(
    "WDY-016",
    what="The settings do not fit the way in which Workday is read: {why}.",
    do="See docs/how-to/workday.md: each way has settings of its own.",
    example=f"{_ENTRY}\n    way: raas   # and no report",
)
BAD_QUERY: Final = message(
    "WDY-017",
    what="The query cannot be asked: {why}.",
    do="Write it in Workday’s query language, with SELECT and FROM.",
    example=f"{_ENTRY}\n    way: wql\n    query: {{people: allWorkers}}",
)
NO_REPORT: Final = message(
    "WDY-018",
    what="{host} has no {task}.",
    do="See whether the report still has this name and owner, is enabled as web service and shared with the integration user. "
    "For a query, see whether the API client has the scope System.",
    example="report: {people: [ISU_old_owner/Workers]}   # after the report was given to somebody else",
)
TOLD_NO: Final = message(
    "WDY-019",
    what="{host} refused {task}: {detail}.",
    do="Look at the words of Workday. A prompt that is required belongs into `prompts`; try a query in Workday’s own editor.",
    example="Validation error occurred. Report parameter From Moment is required.",
)
TOO_LARGE: Final = message(
    "WDY-020",
    what="{task} is too much for one answer: {why}.",
    do="Take columns out, or read several reports (`people` is a list), each with some of the workers.",
    example="a report of 2 GB, or of 30 minutes: Workday ends both",
)
COLUMN_GONE: Final = message(
    "WDY-021",
    what="No row shows {name} any more; the last proven read had it in {share} % of the rows.",
    do="See whether a column was renamed, or a right taken away. If that is meant to be so, write `{name}` into `without`.",
    example="a report whose author renamed a column: no fault is told, the column is missing",
)
UNREADABLE_DATE: Final = message(
    "WDY-022",
    what="{count} rows have in {name} something that is no date of the form {form}.",
    do="Set `dates` to the form in which the report writes them.",
    example="03/31/2026, with `dates: yyyy-mm-dd`",
)
SEVERAL_ROWS: Final = message(
    "WDY-023",
    what="{count} workers stand in several rows that differ.",
    do="Group what a worker has several of, so that each has one row. Until then nobody can be treated as gone.",
    example="a report with a row for each of a worker’s phone numbers",
)
BAD_CERTIFICATE: Final = message(
    "WDY-024",
    what="The certificate for signing messages to Workday cannot be used: {why}.",
    do="Give the PEM file of the certificate that belongs to `key`. A new one has to be registered on the Workday account first.",
    example=f"{_ENTRY}\n    x509: {{user: ISU_syncd, key: {{credential: workday_key}}, certificate: last-year.pem}}",
)
