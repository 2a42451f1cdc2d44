"""All figures of one run, the ratios between its stacks, and the JSON. Measures nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.claim_latency import ClaimLatency
from bench.drain import DrainResult
from bench.due_calls import CallBurst
from bench.full_inbox import InboxResult
from bench.load_results import ratio
from bench.machine import Machine
from bench.targets import (
    OUR_STACK,
    PEER_TARGETS,
    PeerComparison,
    PhaseResults,
    TargetResult,
    compare_with_peers,
    evaluate_own_targets,
)
from bench.upload_throughput import UploadThroughput


@dataclass
class BenchResults:
    """`skipped` says of each peer that could not be measured why."""

    machine: Machine
    options: Mapping[str, float]
    stacks: dict[str, PhaseResults] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    drains: list[DrainResult] = field(default_factory=list)
    scans: list[ClaimLatency] = field(default_factory=list)
    inboxes: list[InboxResult] = field(default_factory=list)
    films: list[UploadThroughput] = field(default_factory=list)
    calls: list[CallBurst] = field(default_factory=list)

    @property
    def fault_count(self) -> int:
        """Acknowledged by us or stored, and not applied once; due, and not called for once. What
        peers lose is a figure.
        """
        loads = self.stacks.get(OUR_STACK, {}).values()
        faults = sum(drain.lost for drain in self.drains)
        faults += sum(inbox.lost for inbox in self.inboxes)
        faults += sum(call.missed + call.doubled + call.wrong for call in self.calls)
        faults += sum(film.wrong + (film.ours == 0) for film in self.films)
        return faults + sum(load.lost + load.doubled for load in loads)

    def peer_comparisons(self) -> list[PeerComparison]:
        return compare_with_peers(self.stacks)

    def own_target_results(self) -> list[TargetResult]:
        """What of ours alone was aimed at, as far as it was measured."""
        idle = [one for one in self.scans if one.due == 0]
        figures = {f"scan {one.kind}": one.claim.p99 for one in idle if one.claim}
        for film in self.films:
            figures |= {"upload": film.curl_ratio, "growth": film.growth}
        for call in self.calls:
            figures[call.kind] = call.slowdown if call.kind == "accounts" else call.per_second
        return evaluate_own_targets(figures)

    def peer_ratios(self) -> dict[str, dict[str, float | None]]:
        """Ours divided by each peer's; None where one of them has no such figure."""
        ours = self.stacks.get(OUR_STACK)
        peers = {name: phases for name, phases in self.stacks.items() if name != OUR_STACK}
        return {name: compute_ratios(ours, phases) for name, phases in peers.items() if ours}

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        comparisons = [{**asdict(one), "reached": one.reached} for one in self.peer_comparisons()]
        own_targets = [asdict(one) for one in self.own_target_results()]
        document = {
            **asdict(self),
            "ratios": self.peer_ratios(),
            "standings": comparisons,
            "aims": own_targets,
        }
        path.write_text(json.dumps(document, indent=1) + "\n")


def compute_ratios(ours: PhaseResults, theirs: PhaseResults) -> dict[str, float | None]:
    return {
        target.title: ratio(target.figure(ours), target.figure(theirs)) for target in PEER_TARGETS
    }
