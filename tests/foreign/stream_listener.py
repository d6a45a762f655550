"""DingTalk's official Stream client as a program: prints events as lines of JSON. `python stream_listener.py URL KEY SECRET`.

A program of its own, because the client decides where to connect when it is imported, and does not let itself be cancelled. The
first `--later N` events are asked for again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from typing import Any


def main(url: str, key: str, secret: str, later: int) -> None:
    os.environ["DINGTALK_OPENAPI_ENDPOINT"] = url
    import dingtalk_stream

    left = later

    class Printer(dingtalk_stream.EventHandler):  # type: ignore[misc]
        async def process(self, event: Any) -> tuple[int, str]:
            nonlocal left
            headers = event.headers
            told = {
                "id": headers.event_id,
                "type": headers.event_type,
                "corp": headers.event_corp_id,
                "born": headers.event_born_time,
                "data": event.data,
            }
            print(json.dumps(told), flush=True)
            if left:
                left -= 1
                return dingtalk_stream.AckMessage.STATUS_SYSTEM_EXCEPTION, "later"
            return dingtalk_stream.AckMessage.STATUS_OK, "OK"

    class Client(dingtalk_stream.DingTalkStreamClient):  # type: ignore[misc]
        def get_host_ip(self) -> str:
            return "127.0.0.1"  # asks for a route to the Internet, which a test need not have

    client = Client(dingtalk_stream.Credential(key, secret), logging.getLogger("quiet"))
    client.register_all_event_handler(Printer())
    asyncio.run(client.start())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 0)
