"""The plan of a campaign: which fault is injected when. The same seed makes the same plan."""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from chaos.fault_catalogue import FAULT_KINDS, FaultAction, FaultKind, Lane

WARM_UP_SECONDS = 20.0  # seconds of load without a fault, to compare with
CONTROL_SECONDS = 75.0  # seconds that the controls take
SETTLING_SECONDS = 140.0  # seconds for the start, the end of all work, and the checks
OVERTIME_SECONDS = 60.0  # seconds in which a slow machine makes up for kills that are missing
MIN_KILLS_PER_MINUTE = 60 / 6.0  # of the time in which faults are injected: 60 in ten minutes
MIN_FAULT_SECONDS = 10.0  # seconds; the shortest campaign that injects anything
GAPS = {
    Lane.WORKER: (3.0, 8.0),
    Lane.SERVERS: (3.0, 8.0),
    Lane.STORES: (6.0, 14.0),
    Lane.PLATFORMS: (4.0, 10.0),
}
"""Seconds between two faults of a lane: the least and the most.

A process that is killed takes up to 8 s of a busy machine to start: with shorter gaps hardly
anything works between two faults, and most of them meet nothing.
"""

DURATIONS = (1.0, 6.0)  # seconds of a fault that lasts
LONGEST_FREEZE, FREEZE_ACTION = 15.0, "freeze_redis"  # seconds; longer than all timeouts of web


@dataclass(frozen=True)
class PlannedFault:
    """Inject `action` so many seconds after the first fault could come.

    `choice` is a number that decides between whatever the action finds when its time comes.
    """

    at: float
    lane: str
    fault: str
    action: str
    duration: float
    choice: int
    is_kill: bool = False


@dataclass(frozen=True)
class FaultInjection:
    """What became of a planned fault. `began_at` and `ended_at` are of the monotonic clock."""

    planned: PlannedFault
    outcome: str  # done, impossible or failed
    detail: str
    began_at: float
    ended_at: float


@dataclass(frozen=True)
class ChaosPlan:
    """Units: seconds."""

    seed: int
    minutes: float
    fault_seconds: float
    faults: tuple[PlannedFault, ...]

    @property
    def kill_count(self) -> int:
        return sum(fault.is_kill for fault in self.faults)

    @property
    def wanted_kills(self) -> int:
        """How many kills a campaign needs at least."""
        return int(self.fault_seconds / 60 * MIN_KILLS_PER_MINUTE)

    def lane(self, lane: str) -> list[PlannedFault]:
        return [fault for fault in self.faults if fault.lane == lane]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"kill_count": self.kill_count}


def build_plan(seed: int, minutes: float) -> ChaosPlan:
    """Plan the faults of a campaign that is over after so many minutes, with its checks."""
    rng = random.Random(seed)  # noqa: S311 - faults, not secrets
    reserved = WARM_UP_SECONDS + SETTLING_SECONDS + CONTROL_SECONDS
    fault_seconds = max(MIN_FAULT_SECONDS, minutes * 60 - reserved)
    faults = [fault for lane in Lane for fault in plan_lane(lane, fault_seconds, rng)]
    in_order = sorted(faults, key=lambda fault: (fault.at, fault.lane))
    return ChaosPlan(seed, minutes, fault_seconds, tuple(in_order))


def plan_lane(lane: Lane, fault_seconds: float, rng: random.Random) -> Iterator[PlannedFault]:
    """Plan one lane: every action once, in random order, then more by their weights."""
    at = 0.0
    for kind, action in pick_actions(lane, rng):
        at += rng.uniform(*GAPS[lane])
        if at >= fault_seconds:
            return
        duration = LONGEST_FREEZE if action.name == FREEZE_ACTION else rng.uniform(*DURATIONS)
        choice = rng.randrange(10**6)
        yield PlannedFault(
            round(at, 2),
            lane,
            kind.number,
            action.name,
            round(duration, 2),
            choice,
            action.is_kill,
        )


def pick_actions(lane: Lane, rng: random.Random) -> Iterator[tuple[FaultKind, FaultAction]]:
    """Yield the actions of a lane for ever."""
    pairs = [
        (kind, action) for kind in FAULT_KINDS for action in kind.actions if action.lane == lane
    ]
    yield from rng.sample(pairs, len(pairs))
    while True:
        yield from rng.choices(pairs, [action.weight for _, action in pairs])
