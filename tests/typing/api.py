"""What users write, as the type checker sees it. Never run: mypy reads it under `make check`."""

from tenuto import errors


def reads_a_refusal(refusal: errors.Rejected) -> tuple[str, str]:
    """A refusal carries a stable code and a sentence."""
    return refusal.code, refusal.message
