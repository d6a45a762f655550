"""The engine: the only room that knows other rooms. Reads, plans, judges, queues, writes and tells; knows no connector."""
