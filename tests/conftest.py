"""What all tests share: the fixtures that start real servers, when a test asks for one."""

from __future__ import annotations

pytest_plugins = ["servers.fixtures", "support.stores"]
