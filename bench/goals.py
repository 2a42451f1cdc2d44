"""How we stand beside the best peer, figure by figure; and what we mean to reach, beside peers or
alone. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.figures import Delays, ratio
from bench.findings import Load

OURS = "signalpost"
FLOOR = "noop"  # it looks at nothing it is sent: no peer

Phases = Mapping[str, Load]
Figure = Callable[[Phases], float | None]


@dataclass(frozen=True)
class Goal:
    """The best peer is the highest, unless `least` is best. A target is a ratio."""

    title: str
    of: Figure
    target: float | None = None
    least: bool = False


@dataclass(frozen=True)
class Standing:
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


def quickest(figure: Callable[[Load], float | None]) -> Figure:
    """With few senders or with many, whichever suits the stack."""
    return lambda phases: max(figure(phases["few"]) or 0.0, figure(phases["many"]) or 0.0) or None


def delay(phase: str, kind: str, rank: str) -> Figure:
    """None where there is none: who applies before the answer has no delay after it."""

    def found(phases: Phases) -> float | None:
        delays: Delays | None = getattr(phases[phase], kind)
        return getattr(delays, rank) or None if delays else None

    return found


GOALS = (
    Goal("accepts, 16 senders, per second", lambda phases: phases["few"].accepted_per_second),
    Goal("accepts, 64 senders, per second", lambda phases: phases["many"].accepted_per_second),
    Goal("accepts, per second", quickest(lambda load: load.accepted_per_second), 3.5),
    Goal("applies end to end, 16 senders, per second", lambda p: p["few"].applied_per_second),
    Goal("applies end to end, 64 senders, per second", lambda p: p["many"].applied_per_second),
    Goal("applies end to end, per second", quickest(lambda load: load.applied_per_second), 4.0),
    Goal("CPU per event, ms", lambda phases: phases["many"].burden.cost_of_all, least=True),
    Goal(
        "memory of the web process, MiB", lambda phases: phases["many"].burden.web_mib, least=True
    ),
    Goal("answer p99 at 70 % of the own peak, ms", delay("most", "answer", "p99"), least=True),
    Goal("accepted to applied p50, idle, ms", delay("idle", "applied", "p50"), least=True),
    Goal("accepted to applied p99, idle, ms", delay("idle", "applied", "p99"), least=True),
)


def standings(stacks: Mapping[str, Phases]) -> list[Standing]:
    """Empty unless we and a peer were measured."""
    return [found for goal in GOALS if (found := standing(goal, stacks))]


def standing(goal: Goal, stacks: Mapping[str, Phases]) -> Standing | None:
    figures = {name: goal.of(phases) for name, phases in stacks.items() if name != FLOOR}
    ours = figures.pop(OURS, None)
    best = best_of(((name, one) for name, one in figures.items() if one), least=goal.least)
    if ours is None or best is None:
        return None
    return Standing(goal.title, ours, *best, ratio(ours, best[1]), goal.target)


def best_of(figures: Iterable[tuple[str, float]], *, least: bool) -> tuple[str, float] | None:
    ordered = sorted(figures, key=lambda pair: pair[1])
    return (ordered[0] if least else ordered[-1]) if ordered else None


@dataclass(frozen=True)
class Aim:
    """A bound for a figure that only our house has; no more than it, unless `at_least`."""

    title: str
    bound: float
    at_least: bool = False


@dataclass(frozen=True)
class Met:
    title: str
    figure: float
    bound: float
    reached: bool


AIMS = {
    "upload": Aim("a film of 1 GiB through a worker, x of curl's rate", 0.9, at_least=True),
    "growth": Aim("memory that the worker grew by meanwhile, MiB", 80.0),
    "accounts": Aim("10 000 refreshes at once, x of the time they take at best", 1.3),
    "posts": Aim("status checks per second, two processes", 500.0, at_least=True),
    "scan accounts": Aim("p99 of a look among accounts that are not due, ms", 5.0),
    "scan posts": Aim("p99 of a look among posts that are not due, ms", 5.0),
}


def met(figures: Mapping[str, float]) -> list[Met]:
    """Of those that were measured."""
    return [
        Met(aim.title, figures[name], aim.bound, keeps(aim, figures[name]))
        for name, aim in AIMS.items()
        if name in figures
    ]


def keeps(aim: Aim, figure: float) -> bool:
    return figure >= aim.bound if aim.at_least else figure <= aim.bound
