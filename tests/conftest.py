"""What every test shares: how many examples a property tries."""

import os

from hypothesis import HealthCheck, settings

# An example takes as long as it takes: only benchmarks are timed.
_KEPT = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", _KEPT, max_examples=50)
settings.register_profile("moderate", _KEPT, max_examples=100)
settings.register_profile("ci", _KEPT, max_examples=500)
settings.register_profile("nightly", _KEPT, max_examples=20_000)

# `CI` marks the gate before every landing, which has to stay quick; `ci` is for a nightly pipeline.
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("moderate" if os.environ.get("CI") else "dev")
)
