"""CPU seconds and memory of processes, each with its descendants."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

SAMPLE_INTERVAL = 0.25  # seconds between two samples of memory
MIB = 2**20


def cpu_seconds_by_role(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds by role since the start; `worker-1` and `worker-2` are one role."""
    seconds: dict[str, float] = defaultdict(float)
    for name, pid in pids.items():
        role = name.partition("-")[0]
        seconds[role] += sum(cpu_seconds(process) for process in process_tree(pid))
    return dict(seconds)


def process_tree(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and of its children that have ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(sum(process.cpu_times()[:4]))
    return 0.0


def resident_bytes(process: psutil.Process) -> int:
    """Return the resident memory; pages shared with other processes are included."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


@dataclass
class PeakMemory:
    mib: float = 0.0

    def sample(self, pid: int) -> None:
        self.mib = max(self.mib, resident_mib(pid))


def resident_mib(pid: int) -> float:
    """Return the present memory of a process and its descendants. Units: MiB."""
    return round(sum(resident_bytes(process) for process in process_tree(pid)) / MIB, 1)


@contextmanager
def track_peak_memory(pid: int, *, interval: float = SAMPLE_INTERVAL) -> Iterator[PeakMemory]:
    """Sample the memory of a process and its descendants while the block runs."""
    peak, stopped = PeakMemory(), threading.Event()

    def sample_until_stopped() -> None:
        while not stopped.wait(interval):
            peak.sample(pid)

    thread = threading.Thread(target=sample_until_stopped, daemon=True)
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
    """Return the milliseconds of CPU per event by role."""
    return {role: round((after[role] - before[role]) / max(events, 1) * 1000, 3) for role in after}
