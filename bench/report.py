"""All figures of one run, the ratios between its stacks, and the JSON. Measures nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.drain import Drain
from bench.figures import Delays, ratio
from bench.load import Load
from bench.machine import Machine
from bench.scan import Scan

OURS = "signalpost"

Phases = Mapping[str, Load]


@dataclass
class Results:
    machine: Machine
    options: Mapping[str, float]
    stacks: dict[str, Phases] = field(default_factory=dict)
    drains: list[Drain] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Acknowledged or stored, and not applied once."""
        loads = [load for phases in self.stacks.values() for load in phases.values()]
        drained = sum(drain.lost for drain in self.drains)
        return drained + sum(load.lost + load.doubled for load in loads)

    def ratios(self) -> dict[str, dict[str, float | None]]:
        """Ours divided by each peer's; None where one of them has no such figure."""
        ours = self.stacks.get(OURS)
        peers = {name: phases for name, phases in self.stacks.items() if name != OURS}
        return {name: compared(ours, phases) for name, phases in peers.items() if ours}

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**asdict(self), "ratios": self.ratios()}, indent=1) + "\n")


def compared(ours: Phases, theirs: Phases) -> dict[str, float | None]:
    pairs = figures(ours), figures(theirs)
    return {name: ratio(pairs[0][name], pairs[1][name]) for name in pairs[0]}


def figures(phases: Phases) -> dict[str, float | None]:
    """What is compared: throughput and cost as fast as it goes, delays at the fixed rate."""
    closed, opened = phases["closed"], phases["open"]
    return {
        "accept/s": closed.accepted_per_second,
        "apply/s": closed.applied_per_second,
        "CPU per event": closed.cost_of_all,
        "answer p50": figure(opened.answer, "p50"),
        "answer p99": figure(opened.answer, "p99"),
        "applied p50": figure(opened.applied, "p50"),
        "applied p99": figure(opened.applied, "p99"),
    }


def figure(delays: Delays | None, name: str) -> float | None:
    return getattr(delays, name) if delays else None
