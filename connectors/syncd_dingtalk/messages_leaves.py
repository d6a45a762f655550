"""What the DingTalk connector can tell a person about permissions without which it does less. A table; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

LEAVES_UNREAD: Final = message(
    "DNG-098",
    what="DingTalk does not let this application read who has left ({code}).",
    do="Grant `Contact.Common.Read` to the application in the developer console, and publish. Without it people are removed as "
    "ever, but DingTalk's own record of it is not read back, and who left by another hand shows only with the next full look.",
    example='{"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "requiredScopes": ["Contact.Common.Read"]}',
)
TODOS_UNREAD: Final = message(
    "DNG-097",
    what="DingTalk does not let this application look up to-dos ({code}).",
    do="Grant `Todo.Todo.Write` and `Todo.Todo.Read` (the name of the second is recalled) to the application in the developer "
    "console, and publish. Without the first nobody is told of a joiner; without the second nobody whose to-do DingTalk did not "
    "confirm at once.",
    example='{"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "requiredScopes": ["Todo.Todo.Read"]}',
)
CONTACTS_UNREAD: Final = message(
    "DNG-099",
    what="DingTalk does not let this application read external contacts ({code}).",
    do="Switch external contacts on in the console, and grant the application the right to read and to write them (their names, "
    "`qyapi_ext_read` and `qyapi_ext_write`, are recalled, not documented). Without it the rules' `contact` cannot be followed, "
    "and DingTalk cannot be read as a whole.",
    example='{"errcode": 60011}',
)
