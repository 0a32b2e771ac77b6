"""The shapes of what a server answers, each with what reads it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tenuto.client import wire
from tenuto.client.bulk import BulkResult
from tenuto.client.causes import Cause
from tenuto.client.prune import Pruned
from tenuto.client.views import (
    Deployed,
    IncidentView,
    InstanceView,
    MintedToken,
    Page,
    ProcessView,
    ShownInstance,
    ShownTask,
    TaskView,
    TokenView,
    WaitingCount,
)

ANY: Final[msgspec.json.Decoder[Any]] = wire.decoder_of(Any)
ITEMS: Final = wire.decoder_of(Page[dict[str, Any]])
DEPLOYED: Final = wire.decoder_of(Deployed)
BULK: Final = wire.decoder_of(BulkResult)
CAUSES: Final = wire.decoder_of(list[Cause])
INSTANCE: Final = wire.decoder_of(ShownInstance)
INSTANCES: Final = wire.decoder_of(Page[InstanceView])
INCIDENTS: Final = wire.decoder_of(Page[IncidentView])
TASK: Final = wire.decoder_of(ShownTask)
TASKS: Final = wire.decoder_of(Page[TaskView])
PROCESSES: Final = wire.decoder_of(Page[ProcessView])
WAITING: Final = wire.decoder_of(list[WaitingCount])
TOKENS: Final = wire.decoder_of(Page[TokenView])
MINTED: Final = wire.decoder_of(MintedToken)
PRUNED: Final = wire.decoder_of(Pruned)
