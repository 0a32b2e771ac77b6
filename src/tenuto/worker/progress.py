"""What running steps said of their progress, kept with their routine's lease.

A failed attempt brings it with its failure. One whose process dies can bring nothing: what it had
said when its lease was extended last is what the next process finds.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Final

from tenuto import values
from tenuto.client.history import History
from tenuto.runtime.leases import JobKey
from tenuto.worker.host import RoutineHost

# Far below what the server takes: an extension that is refused would lose the lease.
BYTES_MAX: Final = 1024 * 1024


class TellingHost(RoutineHost):
    """A host that can say how far its steps are."""

    def said(self, key: JobKey) -> dict[str, list[int | str]]:
        """Return what the running steps of a routine said last: the number of the attempt and the
        encoded details in Base64, by the step. What is too large to be kept is left out.
        """
        held = self._held.get(key)
        found: dict[str, list[int | str]] = {}
        size = 0
        for step, attempt in held.running.items() if held is not None else ():
            context = attempt.context
            if context.said is None or size + len(context.said) > BYTES_MAX:
                continue
            size += len(context.said)
            found[step] = [context.attempt, b64encode(context.said).decode()]
        return found


def find_again(history: History, details: bytes | None) -> None:
    """Let open attempts find what they said in a process that has died."""
    if details is None:
        return
    for step, (attempt, said) in values.decode(details).items():
        if history.steps.get(step) == attempt:
            history.details[step] = b64decode(said)
