"""What every test shares: how many examples a property tries, and a home of its own."""

import os
import sys

import pytest
import structlog
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


@pytest.fixture(autouse=True)
def _own_logs():
    """Let no verb that a test ran in this process say how the next one logs."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _own_modules(tmp_path_factory):
    """Let no module that a test found in a folder of its own be found by the next one."""
    known, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    folder = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - known:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
            del sys.modules[name]


@pytest.fixture(autouse=True, scope="session")
def home(tmp_path_factory):
    """Keep what servers write to the configuration folder out of the folder of whoever tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield
