"""Made-up benchmark results for unit tests."""

from bench.load_results import LatencyStats, LoadResult, ResourceUse
from bench.machine import Machine

SAMPLE_MACHINE = Machine(2, 4.0, "Linux", "3.11", "20.0.0", {}, 0.5)
SAMPLE_USE = ResourceUse({"web": 1.0, "worker": 2.0, "generator": 9.0}, 80.0, 0.1)
SAMPLE_LATENCY = LatencyStats(10.0, 20.0, 30.0)
SAMPLE_LOAD = LoadResult(
    offered_per_second=None,
    acknowledged=100,
    refused=0,
    again=0,
    accepted_per_second=100.0,
    applied_per_second=50.0,
    answer=SAMPLE_LATENCY,
    applied=SAMPLE_LATENCY,
    burden=SAMPLE_USE,
    lost=0,
    doubled=0,
)


def sample_phases(load=SAMPLE_LOAD, **others):
    return {**dict.fromkeys(("idle", "few", "many", "most", "same"), load), **others}
