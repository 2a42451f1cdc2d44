"""Figures of benches that nobody ran."""

from bench.figures import Delays
from bench.findings import Burden, Load
from bench.machine import Machine

MACHINE = Machine(2, 4.0, "Linux", "3.11", "20.0.0", {}, 0.5)
BURDEN = Burden({"web": 1.0, "worker": 2.0, "generator": 9.0}, 80.0, 0.1)
DELAYS = Delays(10.0, 20.0, 30.0)
LOAD = Load(
    offered_per_second=None,
    acknowledged=100,
    refused=0,
    again=0,
    accepted_per_second=100.0,
    applied_per_second=50.0,
    answer=DELAYS,
    applied=DELAYS,
    burden=BURDEN,
    lost=0,
    doubled=0,
)


def phases(load=LOAD, **others):
    return {**dict.fromkeys(("idle", "few", "many", "most", "same"), load), **others}
