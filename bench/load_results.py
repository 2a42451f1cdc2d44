"""Arithmetic of delays. Pure; knows seconds and gives milliseconds."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.load_order import DeliveryResponse, LoadOrder, LoadReport
from bench.stack_database import AppliedPublication

MEDIAN_SHARE, P99_SHARE = 0.5, 0.99


@dataclass(frozen=True)
class LatencyStats:
    """In milliseconds."""

    p50: float
    p99: float
    max: float

    @classmethod
    def from_seconds(cls, seconds: Iterable[float]) -> "LatencyStats | None":
        """None if there are none."""
        ordered = sorted(one * 1000 for one in seconds)
        if not ordered:
            return None
        return cls(
            *(round(nearest_rank(ordered, share), 3) for share in (MEDIAN_SHARE, P99_SHARE, 1.0))
        )


def nearest_rank(ordered: list[float], share: float) -> float:
    """Nearest rank: a value that was measured, never one in between."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """None where one of them has no such figure."""
    return round(ours / theirs, 2) if ours and theirs else None


# MERGED bench.findings: What one phase of load has shown, once every acknowledged id was looked up. Pure.


@dataclass(frozen=True)
class ResourceUse:
    """Milliseconds of CPU per acknowledged event by role; MiB of the web process and its children;
    and the share of the machine that others used meanwhile.
    """

    cost: Mapping[str, float]
    web_mib: float
    others: float

    @property
    def total_cost(self) -> float:
        """Without the generator's."""
        return round(sum(cost for role, cost in self.cost.items() if role != "generator"), 3)


@dataclass(frozen=True)
class LoadResult:
    """One phase. Rates are per second."""

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
    found: Mapping[str, AppliedPublication] | None,
    burden: ResourceUse,
) -> LoadResult:
    """`found` are the publications that were applied; None where nothing is stored."""
    acknowledged = [answer for answer in report.answers if answer.is_acknowledged]
    matched = match_applied(order.prefix, acknowledged, found or {})
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
        applied_per_second=rate_per_second([one.applied_at for _, one in matched], started_at),
        answer=LatencyStats.from_seconds(
            answer.answered_at - answer.due_at for answer in acknowledged
        ),
        applied=LatencyStats.from_seconds(
            max(0.0, one.applied_at - answer.answered_at) for answer, one in matched
        ),
        burden=burden,
        lost=len(acknowledged) - len(matched) if found is not None else 0,
        doubled=sum(one.row_count > 1 for _, one in matched),
    )


def match_applied(
    prefix: str, acknowledged: list[DeliveryResponse], found: Mapping[str, AppliedPublication]
) -> list[tuple[DeliveryResponse, AppliedPublication]]:
    """Acknowledged and applied."""
    names = {answer: f"{prefix}{answer.number}" for answer in acknowledged}
    return [(answer, found[name]) for answer, name in names.items() if name in found]


def rate_per_second(times: list[float], started_at: float) -> float | None:
    """Per second, from the first letter to the last of these."""
    return round(len(times) / (max(times) - started_at), 1) if times else None
