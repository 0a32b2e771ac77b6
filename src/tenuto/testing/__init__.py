"""The testing kit, public: scenarios on a virtual clock, seeded fault worlds, random processes.

def test_refund(scenario):
    scenario.deploy("refund.bpmn")
    refund = scenario.start("refund", amount=40)
    scenario.advance("PT2H")
    assert refund.is_waiting_at("remind")
"""

from tenuto.testing.clock import VirtualClock
from tenuto.testing.durable import Durable, Run
from tenuto.testing.histories import Recorded, StepSeen, replay_history
from tenuto.testing.scenario import Case, Scenario

__all__ = [
    "Case",
    "Durable",
    "Recorded",
    "Run",
    "Scenario",
    "StepSeen",
    "VirtualClock",
    "replay_history",
]
