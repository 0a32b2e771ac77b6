"""The public conformance kit for DMN, whole: every case of every folder that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenuto.dmn import tck

KIT = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "dmn-tck"

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not KIT.exists(), reason="the conformance kit is not beside the repository"),
]


def test_every_case_of_the_kit_passes():
    """All cases pass, nothing breaks inside, and the last line says so."""
    report = tck.run_paths([KIT])

    assert str(report).splitlines()[-2:] == ["0 internal errors", "1176 passed, 0 failed"], report
