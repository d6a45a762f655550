"""What the SCIM source can tell people. It names hosts, paths and counts, and never a token or what a record says of somebody."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

_ENTRY: Final = "sources:\n  idp:\n    type: scim\n    url: https://idp.example.com/scim/v2"

NO_SIGN_IN: Final = message(
    "SCM-001",
    what="The settings do not say how to sign in to the SCIM service.",
    do="Give `token`, or `user` and `password`, or `oauth`; exactly one of them.",
    example=_ENTRY,
)
BAD_PATH: Final = message(
    "SCM-002",
    what="“{path}” is no path to an attribute.",
    do='Write `attribute`, `attribute.part`, `attribute[type eq "work"].part`, with the schema’s URN and a colon before it if it '
    "belongs to an extension.",
    example=f"{_ENTRY}\n    attributes:\n      badge: urn:example:2.0:User:badge number",
)
UNAUTHORIZED: Final = message(
    "SCM-003",
    what="{host} does not accept our sign-in ({status}).",
    do="Renew the token or the password, and see whether the account is locked or has expired.",
    example=f"{_ENTRY}\n    token: {{env: EXPIRED_TOKEN}}",
)
FORBIDDEN: Final = message(
    "SCM-004",
    what="{host} does not let us read {path}.",
    do="Give the account or application the right to read it; or switch `groups` off if people are all you need.",
    example="a token whose scope is scim.users only, and `groups: true`",
)
ABSENT: Final = message(
    "SCM-005",
    what="{host} has no {path}.",
    do="Check `url`: it is the base of the SCIM service and usually ends with /scim/v2.",
    example=_ENTRY.replace("/scim/v2", ""),
)
MOVED: Final = message(
    "SCM-006",
    what="{host} sends us to another address, and we take our token nowhere else.",
    do="Write the new address as `url` if it is yours.",
    example="an http:// address that redirects to https://",
)
NOT_SCIM: Final = message(
    "SCM-007",
    what="What {host} answered for {path} is no SCIM: {why}.",
    do="Open the address with the same sign-in. A page of a web application here means that the sign-in or `url` is wrong.",
    example="a login page with status 200",
)
BUSY: Final = message(
    "SCM-008",
    what="{host} asks us to come later ({status}).",
    do="Nothing: syncd comes again when the service says so. If it never gets through, ask its operator for a higher limit.",
    example="429 Too Many Requests with Retry-After: 3600",
)
REFUSED: Final = message(
    "SCM-009",
    what="{host} refused to list {path}: {status} {detail}.",
    do="Look at the words of the service. `page_size`, `paging` and `delta` decide what is asked for.",
    example=f"{_ENTRY}\n    page_size: 1000   # where the service allows 100",
)
REPEATS: Final = message(
    "SCM-010",
    what="{host} answers each page of {path} with the same rows.",
    do="Set `paging: cursor` if the service can do that; otherwise tell its operator that startIndex is ignored.",
    example="a service that ignores startIndex",
)
RESTLESS: Final = message(
    "SCM-011",
    what="The pages of {path} at {host} expired {times} times while they were read.",
    do="Choose a larger `page_size`, so that a read takes less time.",
    example="a cursor that lives for five seconds",
)
NO_TOKEN: Final = message(
    "SCM-012",
    what="{host} gave no access token: {why}.",
    do="Check `oauth`: address, client, secret and scope.",
    example=f"{_ENTRY}\n    oauth: {{token_url: https://login.example.com/token, client_id: syncd, client_secret: wrong}}",
)
WITHOUT_ACTIVE: Final = message(
    "SCM-013",
    what="{count} people do not say whether they are active; they are taken to be.",
    do="Let the service deliver `active`; else nobody leaves before the record is deleted.",
    example='{"id": "1", "userName": "budi"}',
)
WITHOUT_ID: Final = message(
    "SCM-014",
    what="{count} rows of {path} have no id and were left out.",
    do="Report it to the service’s operator: RFC 7643 requires an id. Until then nobody can be treated as gone.",
    example='{"userName": "budi"}',
)
NO_PEOPLE: Final = message(
    "SCM-015",
    what="The service shows nobody at all.",
    do="See whether the account may read people, and whether `users_filter` fits anybody.",
    example=f'{_ENTRY}\n    users_filter: userType eq "Nobody"',
)
NOBODY_PUSHED: Final = message(
    "SCM-020",
    what="Nobody has been pushed to the source {name} yet.",
    do="Give the provider the address /scim/v2/{name} and a token (`syncd scim token add {name}`), and start its provisioning.",
    example="sources: {entra: {type: scim_push}}  # before the first cycle of Entra ID",
)
NO_PUSHES: Final = message(
    "SCM-021",
    what="What was pushed to the source {name} cannot be read here: no state is open.",
    do="Read it by the commands of syncd, which open the state; a program of your own hands it over in the room.",
    example="A program that makes the source by itself.",
)
MOVED_ON: Final = message(
    "SCM-030",
    what="Nothing was written to {attributes}: they no longer hold what was read last.",
    do="Nothing: the record is read again, and what is to be written is decided anew.",
    example="an administrator who changes the number in the same second",
)
GONE: Final = message(
    "SCM-031",
    what="Nothing was written: the service does not know the person any more.",
    do="Nothing: the next read tells what became of them.",
    example="a person who was deleted",
)
NOT_OURS: Final = message(
    "SCM-032",
    what="The account may not write {attributes}.",
    do="Give it the right to change users, or take the attributes out of `write_back`. Then `syncd queue retry`.",
    example="a token that may only read, with `write_back` in the rules",
)
STORED_OTHERWISE: Final = message(
    "SCM-033",
    what="The service stores in {attributes} something else than it was told, so the two would never agree.",
    do="Let `via` of the rule at `write_back` give the form that the service keeps.",
    example="a service that writes telephone numbers its own way",
)
NOT_TAKEN: Final = message(
    "SCM-034",
    what="The service refuses to write {attributes}: {why}.",
    do="Correct the value in the target, or the rule at `write_back`; then `syncd queue retry`.",
    example="an attribute that is read-only there (mutability)",
)
