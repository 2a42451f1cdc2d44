"""What processes cost: CPU seconds and memory of each with everything it started."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

LOOK = 0.25  # seconds between two looks at memory
MIB = 2**20


def spent(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds by role since each began; `worker-1` and `worker-2` are one role."""
    found: dict[str, float] = defaultdict(float)
    for name, pid in pids.items():
        found[name.partition("-")[0]] += sum(cpu(each) for each in family(pid))
    return dict(found)


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def cpu(process: psutil.Process) -> float:
    """Its own, and that of children it has seen end."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(sum(process.cpu_times()[:4]))
    return 0.0


def resident(process: psutil.Process) -> int:
    """Bytes; pages that a family shares count for each of them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


@dataclass
class Peak:
    mib: float = 0.0

    def look(self, pid: int) -> None:
        self.mib = max(self.mib, held(pid))


def held(pid: int) -> float:
    """MiB right now."""
    return round(sum(resident(each) for each in family(pid)) / MIB, 1)


@contextmanager
def watched(pid: int, *, every: float = LOOK) -> Iterator[Peak]:
    """The most memory that it and what it started hold meanwhile."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(every):
            peak.look(pid)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak.look(pid)


def per_event(
    before: Mapping[str, float], after: Mapping[str, float], events: int
) -> dict[str, float]:
    """Milliseconds of CPU by role."""
    each = {role: (after[role] - before[role]) / max(events, 1) * 1000 for role in after}
    return {role: round(cost, 3) for role, cost in each.items()}
