"""The engine: the only room that knows other rooms. Reads, plans, judges, queues, writes and tells; knows no connector."""

import syncd.structured  # noqa: F401 - before any module here loads structlog
