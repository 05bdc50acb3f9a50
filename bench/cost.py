"""What one piece of work costs: a process of its own, so that its start counts, and the database server's share of it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.postgres import Server


@dataclass(frozen=True)
class Cost:
    """CPU seconds of both sides, and the client's largest resident memory in MiB.

    `said` is what the process printed as JSON, if anything.
    """

    client: float
    server: float
    peak: int
    said: Mapping[str, Any]

    @property
    def cpu(self) -> float:
        return self.client + self.server


def of(command: Sequence[str], environment: Mapping[str, str], server: Server | None = None) -> Cost:
    """Run `python -m …` to its end and say what that took.

    Needs: a small caller. Linux counts the memory of the process that starts another as a part of the other's peak.
    Errors: SystemExit, with the process's own words above it.
    """
    before = server.cpu() if server else 0.0
    command = [sys.executable, "-m", *command]
    # Compiled once, as an installed program is: no night compiles Rollbook's modules.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # Rollbook spares itself the threads of numpy; then whatever it is measured against is spared them, too.
    child = subprocess.Popen(command, env={**own, "OPENBLAS_NUM_THREADS": "1", **environment}, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"This did not end well: {' '.join(command)}\n{said}")
    after = server.cpu() if server else 0.0
    last = said.strip().rpartition("\n")[2]
    return Cost(used.ru_utime + used.ru_stime, after - before, used.ru_maxrss >> 10, json.loads(last) if last[:1] == "{" else {})


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(
        median(cost.client for cost in costs), median(cost.server for cost in costs), int(median(cost.peak for cost in costs)), {}
    )


def ratio(some: Sequence[Cost], others: Sequence[Cost]) -> float:
    """Return the median of the ratios of what was measured side by side, each to the median of its share of the others."""
    share = len(others) // len(some)
    return median(one.cpu / middle(others[at * share : (at + 1) * share]).cpu for at, one in enumerate(some))
