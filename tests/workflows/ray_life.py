"""The life of a node with steps on a Ray cluster: it prints the result of a workflow.

python -m tests.workflows.ray_life DATABASE WORKFLOW FOLDER [leave]

With `leave` the node is stopped in order when the computation has begun.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tenuto.assembly import running
from tenuto.worker.program import program_of
from tests.workflows import ray_steps
from tests.workflows.test_heavy import seen


async def life(client, workflow, folder, *leave):
    """Run a workflow to its end, or find it at work."""
    handle = await client.begin(getattr(ray_steps, workflow), folder)
    if leave:
        await seen(Path(folder, "begun"), 60)
        return {}
    return await handle.result()


if __name__ == "__main__":
    with running(sys.argv[1], handlers=program_of(ray_steps), grace_seconds=0.0) as at:
        print(json.dumps(asyncio.run(life(at.client, *sys.argv[2:]))), flush=True)
