"""What each stack goes through, in this order: idle, as fast as it goes, then at fixed rates."""

from dataclasses import dataclass

from bench.findings import Load
from bench.load import Pace, phase
from bench.stacks import Stack

FEW, MANY = 16, 64  # senders
WARM = Pace(MANY, 2.0, most=1500)  # until connections are open and what compiles late is compiled
IDLE_RATE = 5.0  # letters per second, that nothing waits behind
SHARE = 0.7  # of what the stack has shown to accept

TITLES = {
    "idle": f"On an idle house, {IDLE_RATE:.0f} letters per second: delays from when each was due",
    "few": f"As fast as it goes: {FEW} senders, each waits for its answer",
    "many": f"As fast as it goes: {MANY} senders",
    "most": f"At {SHARE:.0%} of what this stack accepted at most, whatever is answered",
    "same": "At the same rate for all, whatever is answered",
}


@dataclass(frozen=True)
class Plan:
    """Seconds of the idle phase, and of each other; `rate` in letters per second."""

    idle: float
    seconds: float
    rate: float


def measure(stack: Stack, plan: Plan) -> dict[str, Load]:
    """Phases by name. Idle comes first, before anything has grown."""
    phase(stack, "warm", WARM)
    idle = phase(stack, "idle", Pace(MANY, plan.idle, rate=IDLE_RATE))
    few = phase(stack, "few", Pace(FEW, plan.seconds))
    many = phase(stack, "many", Pace(MANY, plan.seconds))
    most = SHARE * max(few.accepted_per_second, many.accepted_per_second)
    return {
        "idle": idle,
        "few": few,
        "many": many,
        "most": phase(stack, "most", Pace(MANY, plan.seconds, rate=most)),
        "same": phase(stack, "same", Pace(MANY, plan.seconds, rate=plan.rate)),
    }
