"""What the HTTP side says: to those who send webhooks, to those who watch over the service, and to its
administrator."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

# --- to the administrator -------------------------------------------------------------------------------------------

NOT_LISTENING: Final = message(
    "WEB-001",
    what="The service cannot listen on {address}: {why}.",
    do="Choose another address (`web.listen`), or stop what holds it: `ss -ltnp`. It is tried again every ten seconds; "
    "meanwhile no webhook arrives and nobody can look at /metrics, and synchronizing goes on.",
    example="web: {listen: 127.0.0.1:80}  # by an account that may not",
)
BAD_SECRET: Final = message(
    "WEB-002",
    what="A secret of the webhook sender '{sender}' cannot be used: {why}.",
    do="Make one with `echo whsec_$(openssl rand -base64 32)`, and give the same text to the sender.",
    example="web: {webhooks: {hr: {sources: [hr], secrets: [secret]}}}",
)
BAD_CERTIFICATE: Final = message(
    "WEB-003",
    what="The certificate {file} with its key cannot be used: {why}.",
    do="Name PEM files that belong together, readable by the account of the service, the key without a password.",
    example="web: {certificate: web.pem, key: other.key}",
)
NO_TLS: Final = message(
    "WEB-004",
    what="{address} can be reached from other machines, and speaks HTTP without TLS.",
    do="Set `web.certificate` and `web.key`, or listen on 127.0.0.1 behind a reverse proxy that speaks TLS.",
    example="web: {listen: 0.0.0.0:8470}",
)

# --- to those who send webhooks -------------------------------------------------------------------------------------

MISSING_HEADER: Final = message(
    "WEB-010",
    what="The header {header} is missing, or not in its form.",
    do="Send webhook-id, webhook-timestamp and webhook-signature once each, as docs/how-to/webhooks.md says.",
    example="curl --json @event.json http://127.0.0.1:8470/v1/wake/hr",
)
WRONG_TIME: Final = message(
    "WEB-012",
    what="The webhook-timestamp is {seconds} seconds from the time of this machine, and {allowed} are allowed.",
    do="Sign anew for each attempt, and keep both clocks right (NTP).",
    example="a message that is played back the next day",
)
WRONG_SIGNATURE: Final = message(
    "WEB-013",
    what="The signature does not fit.",
    do="Sign the bytes that are sent, as they are sent, with the secret agreed upon; `syncd webhook sign` shows the right one.",
    example="a body that was re-formatted after it was signed",
)
NOT_ALLOWED: Final = message(
    "WEB-014",
    what="This sender may not wake '{source}', or there is no such source.",
    do="Correct the address, or let the administrator add the source to `web.webhooks` in syncd.yaml.",
    example="POST /v1/wake/payroll",
)
WRONG_TYPE: Final = message(
    "WEB-015",
    what="This is no CloudEvent: Content-Type and headers say neither a structured event, nor a batch, nor a binary one.",
    do="Send application/cloudevents+json, application/cloudevents-batch+json, or the headers ce-id, ce-source, "
    "ce-type and ce-specversion.",
    example="Content-Type: text/xml",
)
TOO_LARGE: Final = message(
    "WEB-016",
    what="The body is larger than {limit} bytes.",
    do="Say who has changed, not what: an event of a few hundred bytes, or several smaller batches.",
    example="an event with a photograph in its data",
)
TOO_SLOW: Final = message(
    "WEB-017",
    what="The body was not complete within {seconds} seconds.",
    do="Send it at once, after it is complete.",
    example="a connection that was left open",
)
NOT_AN_EVENT: Final = message(
    "WEB-018",
    what="This is no CloudEvent 1.0: {why}.",
    do="Compare it with the examples of docs/how-to/webhooks.md, or with what `syncd webhook sign` prints.",
    example='{"specversion": "1.0", "id": 17}',
)
TOO_MANY: Final = message(
    "WEB-021",
    what="More requests came from this client than it may make.",
    do="Wait as long as Retry-After says, and send batches. The limit is `web.rate`.",
    example="a loop without a pause",
)
NOT_KEPT: Final = message(
    "WEB-022",
    what="The event could not be kept now.",
    do="Send it again after the time that Retry-After says. The log of the service says what is wrong.",
    example="a full disk",
)
NO_PAGE: Final = message(
    "WEB-023",
    what="There is nothing here.",
    do="POST /v1/wake/SOURCE takes webhooks, /v1/dingtalk/dingtalk DingTalk's callbacks where `target.events` says so; /healthz, "
    "/readyz and /metrics may be on another address (`web.monitoring.listen`).",
    example="GET /",
)
WRONG_METHOD: Final = message(
    "WEB-024",
    what="This address does not take this method.",
    do="Webhooks and callbacks are sent by POST; the rest is asked for by GET.",
    example="GET /v1/wake/hr",
)
NO_TOKEN: Final = message(
    "WEB-025",
    what="The token is missing or wrong.",
    do="Send `Authorization: Bearer` and what `web.monitoring.token` refers to.",
    example="curl http://127.0.0.1:8470/metrics",
)
ENCODED: Final = message(
    "WEB-026",
    what="The body is compressed, which is not understood here.",
    do="Send it without Content-Encoding.",
    example="Content-Encoding: gzip",
)
BROKEN: Final = message(
    "WEB-027",
    what="The service did not expect this: a defect.",
    do="Send it again later, and tell the administrator: the log of the service has more.",
    example="a defect",
)

NOT_THE_TARGET: Final = message(
    "WEB-028",
    what="This is not a call of the target's, or it is too old.",
    do="If DingTalk's console says so, compare token and AES key (`target.events`) and this machine's clock; the log of the "
    "service names the reason (`callback.refused`).",
    example="POST /v1/dingtalk/dingtalk without a signature",
)

# --- to those who watch over the service ----------------------------------------------------------------------------

NO_RUN: Final = message(
    "WEB-030",
    what="No synchronization has ended well for {age}; {limit} are allowed.",
    do="`syncd status` says what the last ones ended with.",
    example="DingTalk refuses the application for an hour",
)
NEVER_RUN: Final = message(
    "WEB-031",
    what="No synchronization has ended well yet.",
    do="Wait for the first one; `syncd status` says what it waits for.",
    example="curl http://127.0.0.1:8470/readyz  # right after the installation",
)
NOT_READ: Final = message(
    "WEB-032",
    what="The source '{source}' was not read for {age}; {limit} are allowed.",
    do="`syncd status --source {source}` says why.",
    example="the domain controller is down",
)
NOT_PROVEN: Final = message(
    "WEB-033",
    what="The source '{source}' was not proven complete for {age}; {limit} are allowed.",
    do="`syncd status --source {source}` says which proof fails. Until then nobody is taken for gone.",
    example="an account that lost a right",
)
AUDIT_FAILS: Final = message(
    "WEB-034",
    what="The audit log takes no records for {age}, so nothing is written ({code}).",
    do="`syncd audit verify` and the log of the service say more.",
    example="a full disk",
)
STORE_FAILS: Final = message(
    "WEB-035",
    what="The database cannot be written for {age} ({code}).",
    do="Look at the disk and its rights: `df`, `syncd check`.",
    example="a file system that became read-only",
)
QUARANTINED: Final = message(
    "WEB-036",
    what="The target {target} does not take changes; it is tried again by itself.",
    do="`syncd status` says with what it answers. Nothing is lost: changes wait.",
    example="DingTalk is down",
)
UNSEEN: Final = message(
    "WEB-037",
    what="How syncd stands could not be looked at.",
    do="The log of the service says why; mostly the database is locked, damaged, or its disk is full.",
    example="a database that cannot be opened",
)

# --- to those who check the configuration ---------------------------------------------------------------------------

NO_KEYS: Final = message(
    "WEB-038",
    what="The keys of the issuer that opens the source '{source}' cannot be had from {where}: {why}.",
    do="Open the address from this machine (a proxy may stand between), or correct `web.scim.issuers.{source}.keys`.",
    example="web: {scim: {issuers: {entra: {keys: https://id.example.com/nowhere, …}}}}",
)
UNUSABLE_KEYS: Final = message(
    "WEB-039",
    what="No token can open the source '{source}': none of the issuer's keys at {where} ({count}) can check {algorithms}.",
    do="Compare `keys` and `algorithms` of `web.scim.issuers.{source}` with the issuer's own description (`jwks_uri`) and "
    "with the `alg` of one of its tokens.",
    example="web: {scim: {issuers: {entra: {algorithms: [ES256], …}}}}  # and the issuer signs by RSA",
)
