"""Compares signalpost with the best peer, figure by figure, and its figures with their targets."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.load_results import LatencyStats, LoadResult, ratio

OUR_STACK = "signalpost"
FLOOR_STACK = "noop"  # the lower bound and no peer: it ignores what it receives

PhaseResults = Mapping[str, LoadResult]
FigureGetter = Callable[[PhaseResults], float | None]


@dataclass(frozen=True)
class PeerTarget:
    """A figure that peers have too. `target` is the ratio to the best peer that we aim at."""

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
        """Whether the target is reached; None without one."""
        return None if self.target is None else (self.ratio or 0.0) >= self.target


def best_of_few_and_many(figure: Callable[[LoadResult], float | None]) -> FigureGetter:
    """Return the figure with few or with many senders, whichever is higher for the stack."""
    return lambda phases: max(figure(phases["few"]) or 0.0, figure(phases["many"]) or 0.0) or None


def p50_of(latency: LatencyStats | None) -> float | None:
    """Return the median; None for 0 or without a latency.

    A stack without a queue applies the event before the response: there is no delay after it.
    """
    return (latency.p50 or None) if latency else None


def p99_of(latency: LatencyStats | None) -> float | None:
    return (latency.p99 or None) if latency else None


PEER_TARGETS = (
    PeerTarget("accepts, 16 senders, per second", lambda phases: phases["few"].accepted_per_second),
    PeerTarget(
        "accepts, 64 senders, per second", lambda phases: phases["many"].accepted_per_second
    ),
    PeerTarget(
        "accepts, per second", best_of_few_and_many(lambda load: load.accepted_per_second), 3.5
    ),
    PeerTarget(
        "applies end to end, 16 senders, per second",
        lambda phases: phases["few"].applied_per_second,
    ),
    PeerTarget(
        "applies end to end, 64 senders, per second",
        lambda phases: phases["many"].applied_per_second,
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
        lambda phases: p99_of(phases["most"].answer),
        lower_is_better=True,
    ),
    PeerTarget(
        "accepted to applied p50, idle, ms",
        lambda phases: p50_of(phases["idle"].applied),
        lower_is_better=True,
    ),
    PeerTarget(
        "accepted to applied p99, idle, ms",
        lambda phases: p99_of(phases["idle"].applied),
        lower_is_better=True,
    ),
)


def compare_with_peers(stacks: Mapping[str, PhaseResults]) -> list[PeerComparison]:
    """Return a comparison for each figure that signalpost and at least one peer have."""
    comparisons = [compare_with_best_peer(target, stacks) for target in PEER_TARGETS]
    return [comparison for comparison in comparisons if comparison is not None]


def compare_with_best_peer(
    target: PeerTarget, stacks: Mapping[str, PhaseResults]
) -> PeerComparison | None:
    figures = {
        name: target.figure(phases) for name, phases in stacks.items() if name != FLOOR_STACK
    }
    ours = figures.pop(OUR_STACK, None)
    best = best_figure(
        ((name, figure) for name, figure in figures.items() if figure),
        lower_is_better=target.lower_is_better,
    )
    if ours is None or best is None:
        return None
    peer, theirs = best
    return PeerComparison(target.title, ours, peer, theirs, ratio(ours, theirs), target.target)


def best_figure(
    figures: Iterable[tuple[str, float]], *, lower_is_better: bool
) -> tuple[str, float] | None:
    """Return the best stack and its figure; None without any."""
    ordered = sorted(figures, key=lambda pair: pair[1])
    if not ordered:
        return None
    return ordered[0] if lower_is_better else ordered[-1]


@dataclass(frozen=True)
class OwnTarget:
    """A target for signalpost alone: an upper bound, or a lower one if `is_minimum`."""

    title: str
    bound: float
    is_minimum: bool = False


@dataclass(frozen=True)
class TargetResult:
    title: str
    figure: float
    bound: float
    reached: bool


OWN_TARGETS = {
    "upload": OwnTarget("1 GiB video sent by a worker, x of curl's rate", 0.9, is_minimum=True),
    "growth": OwnTarget("memory the worker grew by during the upload, MiB", 80.0),
    "last chunk": OwnTarget("answer to the last chunk of the largest upload, ms", 2000.0),
    "accounts": OwnTarget("10 000 refreshes at once, x of the shortest possible time", 1.3),
    "posts": OwnTarget("status checks per second, two processes", 500.0, is_minimum=True),
    "views": OwnTarget("p95 of the slowest page at a million posts of one user, ms", 100.0),
    "scan accounts": OwnTarget("p99 of a claim among accounts, none due, ms", 5.0),
    "scan posts": OwnTarget("p99 of a claim among posts, none due, ms", 5.0),
}


def evaluate_own_targets(figures: Mapping[str, float]) -> list[TargetResult]:
    """Return the results of the targets whose figures were measured."""
    return [
        TargetResult(target.title, figures[name], target.bound, meets_target(target, figures[name]))
        for name, target in OWN_TARGETS.items()
        if name in figures
    ]


def meets_target(target: OwnTarget, figure: float) -> bool:
    return figure >= target.bound if target.is_minimum else figure <= target.bound
