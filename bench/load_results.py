"""The figures of one load phase: rates, latencies, costs, lost and doubled events."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.load_order import DeliveryResponse, LoadOrder, LoadReport
from bench.stack_database import AppliedPublication

MEDIAN_SHARE, P99_SHARE = 0.5, 0.99


@dataclass(frozen=True)
class LatencyStats:
    """Median, 99th percentile and maximum. Units: milliseconds."""

    p50: float
    p99: float
    max: float

    @classmethod
    def from_seconds(cls, seconds: Iterable[float]) -> "LatencyStats | None":
        """Return the statistics of these durations; None without any."""
        ordered = sorted(duration * 1000 for duration in seconds)
        if not ordered:
            return None
        return cls(
            p50=round(nearest_rank(ordered, MEDIAN_SHARE), 3),
            p99=round(nearest_rank(ordered, P99_SHARE), 3),
            max=round(ordered[-1], 3),
        )


def nearest_rank(ordered: list[float], share: float) -> float:
    """Return the percentile by nearest rank: a measured value, never one in between."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Return ours / theirs; None if one of them is missing or 0."""
    return round(ours / theirs, 2) if ours and theirs else None


@dataclass(frozen=True)
class ResourceUse:
    """The cost of one phase.

    `cost` is milliseconds of CPU per acknowledged event by role; `web_mib` the peak memory of the
    web process and its children; `others` the share of the machine that other programs used.
    """

    cost: Mapping[str, float]
    web_mib: float
    others: float

    @property
    def total_cost(self) -> float:
        """Milliseconds of CPU per event, without the generator's."""
        return round(sum(cost for role, cost in self.cost.items() if role != "generator"), 3)


@dataclass(frozen=True)
class LoadResult:
    """One phase. Rates are per second, `again` counts deliveries sent again."""

    offered_per_second: float | None
    acknowledged: int
    refused: int
    again: int
    accepted_per_second: float
    applied_per_second: float | None
    answer: LatencyStats | None
    applied: LatencyStats | None
    burden: ResourceUse
    lost: int
    doubled: int


def summarize_phase(
    order: LoadOrder,
    report: LoadReport,
    applied: Mapping[str, AppliedPublication] | None,
    burden: ResourceUse,
) -> LoadResult:
    """Compute the figures of a phase.

    Shapes: `applied` are the applied publications by id; None if the stack stores nothing.
    """
    acknowledged = [answer for answer in report.answers if answer.is_acknowledged]
    matched = match_applied(order.prefix, acknowledged, applied or {})
    started_at = min((answer.due_at for answer in report.answers), default=0.0)
    return LoadResult(
        offered_per_second=order.rate and round(order.rate, 1),
        acknowledged=len(acknowledged),
        refused=len(report.answers) - len(acknowledged),
        again=report.resent_count,
        accepted_per_second=rate_per_second(
            [answer.answered_at for answer in acknowledged], started_at
        )
        or 0.0,
        applied_per_second=rate_per_second(
            [publication.applied_at for _, publication in matched], started_at
        ),
        answer=LatencyStats.from_seconds(
            answer.answered_at - answer.due_at for answer in acknowledged
        ),
        applied=LatencyStats.from_seconds(
            max(0.0, publication.applied_at - answer.answered_at) for answer, publication in matched
        ),
        burden=burden,
        lost=len(acknowledged) - len(matched) if applied is not None else 0,
        doubled=len([1 for _, publication in matched if publication.row_count > 1]),
    )


def match_applied(
    prefix: str, acknowledged: list[DeliveryResponse], applied: Mapping[str, AppliedPublication]
) -> list[tuple[DeliveryResponse, AppliedPublication]]:
    """Return the acknowledged deliveries that were applied, with their publications."""
    names = {answer: f"{prefix}{answer.number}" for answer in acknowledged}
    return [(answer, applied[name]) for answer, name in names.items() if name in applied]


def rate_per_second(times: list[float], started_at: float) -> float | None:
    """Return the number of times per second between the start and the last of them."""
    return round(len(times) / (max(times) - started_at), 1) if times else None
