"""What processes cost: CPU seconds of each with everything it started, the ended ones included."""

import contextlib
from collections.abc import Mapping

import psutil


def spent(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds by role since each began."""
    return {role: of_family(psutil.Process(pid)) for role, pid in pids.items()}


def of_family(parent: psutil.Process) -> float:
    return sum(of_one(each) for each in (parent, *parent.children(recursive=True)))


def of_one(process: psutil.Process) -> float:
    """Its own, and that of children it has seen end."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(sum(process.cpu_times()[:4]))
    return 0.0


def per_event(
    before: Mapping[str, float], after: Mapping[str, float], events: int
) -> dict[str, float]:
    """Milliseconds of CPU by role."""
    each = {role: (after[role] - before[role]) / max(events, 1) * 1000 for role in after}
    return {role: round(cost, 3) for role, cost in each.items()}
