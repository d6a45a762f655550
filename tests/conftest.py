"""What all tests share: the fixtures that start real servers, when a test asks for one.

Hypothesis tries the same examples each time in the gate, so that a change is judged by what it changes; `make fuzz` looks for
new ones.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("gate", derandomize=True, print_blob=True)
settings.register_profile("fuzz", derandomize=False, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

pytest_plugins = ["servers.fixtures", "support.stores"]
