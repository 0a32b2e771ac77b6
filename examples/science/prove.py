"""What an interruption costs: going on against starting over, with the same result.

    python -m examples.science.prove

Three computations of one plan: one that nobody interrupts, one that is killed (SIGKILL, with its
node, its worker and its processes) at about 80 % and goes on, one that is killed there and started
over in a new database.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from examples.science.ising import PLANS

ROOT = Path(__file__).resolve().parents[2]
KILLED_AT = 0.8


class Life(NamedTuple):
    """One life of the program: when it said each round (seconds after its start), its result."""

    rounds: dict[int, float]
    seconds: float
    result: str | None


class Proof(NamedTuple):
    """Three computations; `first` is the life that was killed at about 80 %."""

    rounds: int
    whole: Life
    first: Life
    resumed: Life
    killed: Life
    anew: Life

    @property
    def is_same(self) -> bool:
        """Tell whether every result is the same, bit for bit."""
        results = {self.whole.result, self.resumed.result, self.anew.result}
        return len(results) == 1 and None not in results

    @property
    def computed_again(self) -> int:
        """Return how many finished rounds the second life did once more."""
        last = max(self.first.rounds)
        return sum(1 for done in self.resumed.rounds if done < last)


def live(plan: str, folder: Path, kill_at: int | None = None) -> Life:
    """Run one life; kill it in the middle of the round after `kill_at`."""
    path = os.pathsep.join(one for one in (str(ROOT), str(ROOT / "src"), *sys.path) if one)
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "examples.science.run",
            plan,
            folder / "journal.db",
            folder / "data",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    rounds: dict[int, float] = {}
    result = None
    assert process.stdout is not None, "its output was asked for"
    for line in process.stdout:
        if not line.startswith("round"):
            result = line.strip()
        elif line.split()[1] != "None":
            rounds[int(line.split()[1])] = time.perf_counter() - began
        if kill_at is not None and rounds and max(rounds) >= kill_at:
            half = (max(rounds.values()) - min(rounds.values())) / max(1, len(rounds) - 1) / 2
            try:
                process.wait(half)
            except subprocess.TimeoutExpired:
                process.kill()
            break
    process.wait()
    process.stdout.close()
    return Life(rounds, time.perf_counter() - began, result)


def prove(plan: str) -> Proof:
    """Compute a plan three times."""
    rounds = PLANS[plan].rounds
    kill_at = int(rounds * KILLED_AT)
    with tempfile.TemporaryDirectory() as folder:
        at = {name: Path(folder, name) for name in ("whole", "resumed", "killed", "anew")}
        for one in at.values():
            one.mkdir()
        whole = live(plan, at["whole"])
        first = live(plan, at["resumed"], kill_at)
        resumed = live(plan, at["resumed"])
        killed = live(plan, at["killed"], kill_at)
        anew = live(plan, at["anew"])
    return Proof(rounds, whole, first, resumed, killed, anew)


def table(proof: Proof) -> str:
    """Return the proof for people."""
    last = max(proof.first.rounds)
    again = proof.resumed.rounds
    next_round = min(seconds for done, seconds in again.items() if done > last)
    lines = [
        f"uninterrupted, {proof.rounds} rounds                {proof.whole.seconds:8.1f} s",
        f"killed after round {last}, gone on:",
        f"  until it was killed                     {proof.first.seconds:8.1f} s",
        f"  from then to the result                 {proof.resumed.seconds:8.1f} s",
        f"  of these until round {last + 1} was done         {next_round:8.1f} s",
        f"  finished rounds computed again          {proof.computed_again:8d}",
        f"killed after round {max(proof.killed.rounds)}, started over:",
        f"  until it was killed                     {proof.killed.seconds:8.1f} s",
        f"  from then to the result                 {proof.anew.seconds:8.1f} s",
        f"going on against starting over           {_times(proof):8.1f} times as fast",
        f"same result bit for bit                      {'yes' if proof.is_same else 'NO'}",
    ]
    return "\n".join(lines)


def _times(proof: Proof) -> float:
    return proof.anew.seconds / proof.resumed.seconds


if __name__ == "__main__":
    proof = prove(sys.argv[1] if len(sys.argv) > 1 else "full")
    print(table(proof))
    sys.exit(0 if proof.is_same else 1)
