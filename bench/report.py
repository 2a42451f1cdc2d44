"""All results of one run, the ratios between its stacks, and the JSON file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.claim_latency import ClaimLatency
from bench.drain import DrainResult
from bench.due_calls import CallBurst
from bench.full_inbox import InboxResult
from bench.large_user_times import ViewTimes
from bench.last_chunk import LastChunk
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
    """The results of one run. `skipped` maps peers that could not be measured to the reason."""

    machine: Machine
    options: Mapping[str, float]
    stacks: dict[str, PhaseResults] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    drains: list[DrainResult] = field(default_factory=list)
    scans: list[ClaimLatency] = field(default_factory=list)
    inboxes: list[InboxResult] = field(default_factory=list)
    uploads: list[UploadThroughput] = field(default_factory=list)
    calls: list[CallBurst] = field(default_factory=list)
    last_chunks: list[LastChunk] = field(default_factory=list)
    views: list[ViewTimes] = field(default_factory=list)

    @property
    def fault_count(self) -> int:
        """Events not applied exactly once, calls not made exactly once, failed uploads and pages.

        Only ours: what peers lose is a figure and no fault.
        """
        loads = self.stacks.get(OUR_STACK, {}).values()
        faults = sum(load.lost + load.doubled for load in loads)
        faults += sum(drain.lost for drain in self.drains)
        faults += sum(inbox.lost for inbox in self.inboxes)
        faults += sum(call.missed + call.doubled + call.wrong for call in self.calls)
        faults += sum(upload.wrong for upload in self.uploads)
        faults += sum(view.failed for view in self.views)
        return faults + len([upload for upload in self.uploads if upload.ours == 0])

    def peer_comparisons(self) -> list[PeerComparison]:
        return compare_with_peers(self.stacks)

    def own_target_results(self) -> list[TargetResult]:
        """Return the targets for signalpost alone whose figures were measured."""
        empty_scans = [scan for scan in self.scans if scan.due == 0]
        figures = {f"scan {scan.kind}": scan.claim.p99 for scan in empty_scans if scan.claim}
        for upload in self.uploads:
            figures["upload"] = upload.curl_ratio
            figures["growth"] = upload.growth
        for chunk in self.last_chunks:
            figures["last chunk"] = chunk.last
        for call in self.calls:
            figures[call.kind] = call.slowdown if call.kind == "accounts" else call.per_second
        if self.views:
            figures["views"] = max(view.p95 for view in self.views)
        return evaluate_own_targets(figures)

    def peer_ratios(self) -> dict[str, dict[str, float | None]]:
        """Return our figures divided by each peer's; None where one of them has no such figure."""
        ours = self.stacks.get(OUR_STACK)
        peers = {name: phases for name, phases in self.stacks.items() if name != OUR_STACK}
        return {name: compute_ratios(ours, phases) for name, phases in peers.items() if ours}

    def write(self, path: Path) -> None:
        """Write the JSON file. Its keys are read by scripts and stay as they are."""
        comparisons = [
            {**asdict(comparison), "reached": comparison.reached}
            for comparison in self.peer_comparisons()
        ]
        document = asdict(self)
        document["films"] = document.pop("uploads")
        if not self.last_chunks:  # scripts know the keys of a run without this part
            del document["last_chunks"]
        if not self.views:
            del document["views"]
        document["ratios"] = self.peer_ratios()
        document["standings"] = comparisons
        document["aims"] = [asdict(result) for result in self.own_target_results()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1) + "\n")


def compute_ratios(ours: PhaseResults, theirs: PhaseResults) -> dict[str, float | None]:
    return {
        target.title: ratio(target.figure(ours), target.figure(theirs)) for target in PEER_TARGETS
    }
