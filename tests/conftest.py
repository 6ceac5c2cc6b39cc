"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: how long an example takes says something about the machine, not about us. A failure prints how to get it again.
settings.register_profile("gitopsd", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gitopsd")
