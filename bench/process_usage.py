"""What processes cost: CPU seconds and memory of each with everything it started."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

SAMPLE_INTERVAL = 0.25  # seconds between two looks at memory
MIB = 2**20


def cpu_seconds_by_role(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds by role since each began; `worker-1` and `worker-2` are one role."""
    seconds: dict[str, float] = defaultdict(float)
    for name, pid in pids.items():
        seconds[name.partition("-")[0]] += sum(cpu_seconds(each) for each in process_tree(pid))
    return dict(seconds)


def process_tree(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    """Its own, and that of children it has seen end."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(sum(process.cpu_times()[:4]))
    return 0.0


def resident_bytes(process: psutil.Process) -> int:
    """Bytes; pages that a family shares count for each of them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


@dataclass
class PeakMemory:
    mib: float = 0.0

    def sample(self, pid: int) -> None:
        self.mib = max(self.mib, resident_mib(pid))


def resident_mib(pid: int) -> float:
    """MiB right now."""
    return round(sum(resident_bytes(each) for each in process_tree(pid)) / MIB, 1)


@contextmanager
def track_peak_memory(pid: int, *, interval: float = SAMPLE_INTERVAL) -> Iterator[PeakMemory]:
    """The most memory that it and what it started hold meanwhile."""
    peak, stopped = PeakMemory(), threading.Event()

    def watch() -> None:
        while not stopped.wait(interval):
            peak.sample(pid)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stopped.set()
        thread.join()
        peak.sample(pid)


def cpu_ms_per_event(
    before: Mapping[str, float], after: Mapping[str, float], events: int
) -> dict[str, float]:
    """Milliseconds of CPU by role."""
    each = {role: (after[role] - before[role]) / max(events, 1) * 1000 for role in after}
    return {role: round(cost, 3) for role, cost in each.items()}
