"""What all tests share: the fixtures that start real servers, when a test asks for one.

Hypothesis tries the same examples each time in the gate, so that a change is judged by what it changes; `make fuzz` looks for
new ones.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from support.examples import FUZZ, PROFILE

# Nothing fails for being slow: the machine may be busy, and the first example pays for what is loaded late.
settings.register_profile(
    "gate", derandomize=True, print_blob=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(FUZZ, settings.get_profile("gate"), derandomize=False)
settings.load_profile(PROFILE)

pytest_plugins = ["servers.fixtures", "support.stores"]
