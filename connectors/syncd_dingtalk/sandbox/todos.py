"""To-dos of the new API: made for one person, known by the caller's own key, looked up by it.

Source: the page on adding a to-do, and the official SDK's field names. That a key which is taken is refused ("task exist") is
documented; its code, and those for a wrong parameter and for a key that is not there, are guesses of the documented family.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncd_dingtalk.sandbox import answers
from syncd_dingtalk.sandbox.answers import Answer, Denied
from syncd_dingtalk.sandbox.records import Todo
from syncd_dingtalk.sandbox.routes import Call, Route, new

SUBJECT: Final = 1_024
DESCRIPTION: Final = 4_096
PEOPLE: Final = 100
LINK_BYTES: Final = 1_024
_WRONG, _TAKEN, _UNKNOWN = "todo.taskCreate.paramError", "todo.taskCreate.taskExist", "todo.taskNotExist"


def create(call: Call) -> Answer:
    """Make a to-do. Its key is one per app."""
    _person(call)
    params, tenant = call.params, call.tenant
    subject, key = params.text("subject") or "", params.text("sourceId") or ""
    description, executors = params.text("description") or "", tuple(params.texts("executorIds") or ())
    if not subject or len(subject) > SUBJECT or len(description) > DESCRIPTION or not _linked(params.raw):
        raise Denied(400, _WRONG, "参数错误")
    if len(executors) > PEOPLE or any(one not in tenant.by_unionid for one in executors):
        raise Denied(400, _WRONG, "执行者不合法")
    if key and _found(call, key) is not None:
        raise Denied(400, _TAKEN, "task exist")
    todo = Todo(
        task_id=tenant.hexed(f"todo/{tenant.next_serial()}"),
        source_id=key,
        app_key=call.app.app_key,
        subject=subject,
        description=description,
        creator_id=params.text("creatorId") or "",
        executor_ids=executors,
        created_at=tenant.clock.millis(),
    )
    tenant.put("todos", todo.task_id, todo)
    return answers.plain(_shown(todo))


def by_source(call: Call) -> Answer:
    """Return the to-do that this app made under a key of its own."""
    _person(call)
    todo = _found(call, call.params.text("sourceId") or "")
    if todo is None:
        raise Denied(400, _UNKNOWN, "待办不存在")
    return answers.plain(_shown(todo))


def _person(call: Call) -> None:
    if call.params.text("unionId") not in call.tenant.by_unionid:
        raise Denied(400, _WRONG, "unionId不合法")


def _linked(raw: Mapping[str, Any]) -> bool:
    """Tell whether there is a page that it opens; without one nothing is made since 2024-02."""
    link = raw.get("detailUrl")
    pages = [link.get(name) for name in ("appUrl", "pcUrl")] if isinstance(link, dict) else []
    return bool(pages) and all(isinstance(one, str) and 0 < len(one.encode()) <= LINK_BYTES for one in pages)


def _found(call: Call, key: str) -> Todo | None:
    todos = call.tenant.todos.values()
    return next((todo for todo in todos if (todo.app_key, todo.source_id) == (call.app.app_key, key)), None)


def _shown(todo: Todo) -> dict[str, Any]:
    return {
        "id": todo.task_id,
        "sourceId": todo.source_id,
        "subject": todo.subject,
        "description": todo.description,
        "creatorId": todo.creator_id,
        "executorIds": list(todo.executor_ids),
        "createdTime": todo.created_at,
        "done": False,
    }


_TODOS: Final = "/v1.0/todo/users/{unionId}/tasks"
ROUTES: Final[tuple[Route, ...]] = (
    new(_TODOS, create, "Todo.Todo.Write"),
    # That reading takes a right of its own is recalled.
    new(f"{_TODOS}/sources/{{sourceId}}", by_source, "Todo.Todo.Read", method="GET"),
)
