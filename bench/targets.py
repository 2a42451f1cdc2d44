"""How we stand beside the best peer, figure by figure; and what we mean to reach, beside peers or
alone. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.load_results import LatencyStats, LoadResult, ratio

OUR_STACK = "signalpost"
FLOOR_STACK = "noop"  # it looks at nothing it is sent: no peer

PhaseResults = Mapping[str, LoadResult]
FigureGetter = Callable[[PhaseResults], float | None]


@dataclass(frozen=True)
class PeerTarget:
    """The best peer is the highest, unless `least` is best. A target is a ratio."""

    title: str
    figure: FigureGetter
    target: float | None = None
    lower_is_better: bool = False


@dataclass(frozen=True)
class PeerComparison:
    title: str
    ours: float
    peer: str
    theirs: float
    ratio: float | None
    target: float | None = None

    @property
    def reached(self) -> bool | None:
        """None where nothing is aimed at."""
        return None if self.target is None else (self.ratio or 0.0) >= self.target


def best_of_few_and_many(figure: Callable[[LoadResult], float | None]) -> FigureGetter:
    """With few senders or with many, whichever suits the stack."""
    return lambda phases: max(figure(phases["few"]) or 0.0, figure(phases["many"]) or 0.0) or None


def latency_figure(phase: str, kind: str, rank: str) -> FigureGetter:
    """None where there is none: who applies before the answer has no delay after it."""

    def found(phases: PhaseResults) -> float | None:
        delays: LatencyStats | None = getattr(phases[phase], kind)
        return getattr(delays, rank) or None if delays else None

    return found


PEER_TARGETS = (
    PeerTarget("accepts, 16 senders, per second", lambda phases: phases["few"].accepted_per_second),
    PeerTarget(
        "accepts, 64 senders, per second", lambda phases: phases["many"].accepted_per_second
    ),
    PeerTarget(
        "accepts, per second", best_of_few_and_many(lambda load: load.accepted_per_second), 3.5
    ),
    PeerTarget("applies end to end, 16 senders, per second", lambda p: p["few"].applied_per_second),
    PeerTarget(
        "applies end to end, 64 senders, per second", lambda p: p["many"].applied_per_second
    ),
    PeerTarget(
        "applies end to end, per second",
        best_of_few_and_many(lambda load: load.applied_per_second),
        4.0,
    ),
    PeerTarget(
        "CPU per event, ms", lambda phases: phases["many"].burden.total_cost, lower_is_better=True
    ),
    PeerTarget(
        "memory of the web process, MiB",
        lambda phases: phases["many"].burden.web_mib,
        lower_is_better=True,
    ),
    PeerTarget(
        "answer p99 at 70 % of the own peak, ms",
        latency_figure("most", "answer", "p99"),
        lower_is_better=True,
    ),
    PeerTarget(
        "accepted to applied p50, idle, ms",
        latency_figure("idle", "applied", "p50"),
        lower_is_better=True,
    ),
    PeerTarget(
        "accepted to applied p99, idle, ms",
        latency_figure("idle", "applied", "p99"),
        lower_is_better=True,
    ),
)


def compare_with_peers(stacks: Mapping[str, PhaseResults]) -> list[PeerComparison]:
    """Empty unless we and a peer were measured."""
    return [found for target in PEER_TARGETS if (found := compare_with_best_peer(target, stacks))]


def compare_with_best_peer(
    target: PeerTarget, stacks: Mapping[str, PhaseResults]
) -> PeerComparison | None:
    figures = {
        name: target.figure(phases) for name, phases in stacks.items() if name != FLOOR_STACK
    }
    ours = figures.pop(OUR_STACK, None)
    best = best_figure(
        ((name, one) for name, one in figures.items() if one),
        lower_is_better=target.lower_is_better,
    )
    if ours is None or best is None:
        return None
    return PeerComparison(target.title, ours, *best, ratio(ours, best[1]), target.target)


def best_figure(
    figures: Iterable[tuple[str, float]], *, lower_is_better: bool
) -> tuple[str, float] | None:
    ordered = sorted(figures, key=lambda pair: pair[1])
    return (ordered[0] if lower_is_better else ordered[-1]) if ordered else None


@dataclass(frozen=True)
class OwnTarget:
    """A bound for a figure that only our house has; no more than it, unless `at_least`."""

    title: str
    bound: float
    at_least: bool = False


@dataclass(frozen=True)
class TargetResult:
    title: str
    figure: float
    bound: float
    reached: bool


OWN_TARGETS = {
    "upload": OwnTarget("a film of 1 GiB through a worker, x of curl's rate", 0.9, at_least=True),
    "growth": OwnTarget("memory that the worker grew by meanwhile, MiB", 80.0),
    "accounts": OwnTarget("10 000 refreshes at once, x of the time they take at best", 1.3),
    "posts": OwnTarget("status checks per second, two processes", 500.0, at_least=True),
    "scan accounts": OwnTarget("p99 of a look among accounts that are not due, ms", 5.0),
    "scan posts": OwnTarget("p99 of a look among posts that are not due, ms", 5.0),
}


def evaluate_own_targets(figures: Mapping[str, float]) -> list[TargetResult]:
    """Of those that were measured."""
    return [
        TargetResult(target.title, figures[name], target.bound, meets_target(target, figures[name]))
        for name, target in OWN_TARGETS.items()
        if name in figures
    ]


def meets_target(target: OwnTarget, figure: float) -> bool:
    return figure >= target.bound if target.at_least else figure <= target.bound
