"""Write the golden database of the doors: tokens, webhooks, leases of workers outside, events.

python scripts/golden_doors.py tests/store/golden/doors/doors-1.db
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tenuto import values
from tenuto.assembly import Running, running
from tenuto.engine import commands as c
from tenuto.engine.registry import REGISTRY
from tenuto.events.accept import Acceptor
from tenuto.events.envelope import read_event
from tenuto.keys import Kind, named_key
from tenuto.runtime.desk import Beat
from tenuto.runtime.requests import Request

MODEL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="urn:golden">
  <process id="order" isExecutable="true">
    <startEvent id="start"/>
    <serviceTask id="pay"><extensionElements><zeebe:taskDefinition type="pay"/></extensionElements>
    </serviceTask>
    <endEvent id="end"/>
    <sequenceFlow id="f1" sourceRef="start" targetRef="pay"/>
    <sequenceFlow id="f2" sourceRef="pay" targetRef="end"/>
  </process>
</definitions>"""
MAPPINGS = "events: [{id: placed, type: shop.placed, start: order, business_key: data.number}]"
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/shop",
    "type": "shop.placed",
    "data": {"number": "A7"},
}


async def write(at: Running) -> None:
    """Do one of everything that the doors keep."""
    sources = [
        ("order.bpmn", "bpmn", MODEL.encode()),
        ("shop.events.yaml", "events", MAPPINGS.encode()),
    ]
    await at.client.deploy_sources(sources)
    token = c.IssueToken("t1", "ann", "api", ("admin",), ("desk",), (), bytes(32))
    hook = c.SubscribeWebhook("w1", "https://ops.example/hook", (), (), False, b"")
    told = c.AdvanceWebhook("w1", b"\x80")
    await at.client.ask_all([Request(REGISTRY, token), Request(REGISTRY, hook)])
    await at.client.ask_all([Request(named_key(Kind.WEBHOOK, "w1"), told)])
    event = read_event(EVENT)
    await Acceptor(at.node).accept(at.client, [event])
    [job] = await at.client.jobs.activate(["pay"], 1, lease_seconds=86_400, wait_seconds=5)
    beat = Beat(job.instance, job.element, job.token, 86_400_000, values.encode({"page": 7}))
    await at.client.jobs.extend([beat])


def main() -> None:
    """Write the file that is named."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with running(path) as at:
        asyncio.run(write(at))


if __name__ == "__main__":
    main()
