"""What all tests share: how Hypothesis looks for examples.

By default the examples are the same each time and on every machine, so a failure is a change's
own. To look for new ones: `pytest --hypothesis-profile=hunt`.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steady",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("hunt", settings.get_profile("steady"), derandomize=False)
settings.load_profile("steady")
