"""One stack under load: warmed, as fast as it goes, then at a fixed rate; every id is checked.

Must not know which stack it is.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bench.costs import per_event, spent
from bench.figures import Delays
from bench.ground import ROOT
from bench.memory import Memory
from bench.orders import Answer, Order, Told
from bench.stacks import CLIENT_KEY, Stack

SENDERS = 16  # as many as the web process has threads
OPEN_LINES = 64
WARM = (1.0, 300)  # seconds, letters
FASTEST = 3000  # letters per second that publications are made for
PATIENCE = 60.0  # seconds until all that was acknowledged is applied
LOOK = 0.1


@dataclass(frozen=True)
class Load:
    """One phase. Rates are per second; costs are milliseconds of CPU per acknowledged event."""

    acknowledged: int
    refused: int
    again: int
    accepted_per_second: float
    applied_per_second: float | None
    answer: Delays | None
    applied: Delays | None
    cost: Mapping[str, float]
    lost: int
    doubled: int

    @property
    def cost_of_all(self) -> float:
        """Without the generator's."""
        return round(sum(cost for role, cost in self.cost.items() if role != "generator"), 3)


def measure(stack: Stack, *, seconds: float, rate: float) -> dict[str, Load]:
    """Phases by name."""
    phase(stack, "warm-", most=WARM[1], seconds=WARM[0], connections=SENDERS)
    most = int(seconds * FASTEST)
    return {
        "closed": phase(stack, "closed-", most=most, seconds=seconds, connections=SENDERS),
        "open": phase(
            stack,
            "open-",
            most=int(seconds * rate),
            seconds=seconds,
            connections=OPEN_LINES,
            rate=rate,
        ),
    }


def phase(
    stack: Stack,
    prefix: str,
    *,
    most: int,
    seconds: float,
    connections: int,
    rate: float | None = None,
) -> Load:
    order = Order(stack.hears, prefix, most, seconds, connections, CLIENT_KEY, stack.secret, rate)
    if stack.memory:
        stack.memory.expect(prefix, most)
    before = spent(stack.pids)
    told = sent(order)
    if stack.memory:
        await_all(stack.memory)
    after = spent(stack.pids)
    good = [answer for answer in told.answers if answer.acknowledged]
    cost = per_event(before, after, len(good))
    cost["generator"] = round(told.cpu_seconds / max(len(good), 1) * 1000, 3)
    return judged(told, good, cost, stack.memory, prefix)


def sent(order: Order) -> Told:
    """By a process of its own. The order goes through a pipe: arguments can be read by all."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench.generator"],
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    told = json.loads(ran.stdout)
    answers = tuple(Answer(**answer) for answer in told.pop("answers"))
    return Told(answers, **told)


def await_all(memory: Memory) -> None:
    """Until nothing waits, or patience ends: what is missing then is counted as lost."""
    end = time.monotonic() + PATIENCE
    while memory.waiting() and time.monotonic() < end:
        time.sleep(LOOK)


def judged(
    told: Told, good: list[Answer], cost: Mapping[str, float], memory: Memory | None, prefix: str
) -> Load:
    found = memory.applied(prefix) if memory else {}
    names = {answer.number: found.get(f"{prefix}{answer.number}") for answer in good}
    kept = [(answer, one) for answer in good if (one := names[answer.number])]
    began = min((answer.due for answer in told.answers), default=0.0)
    return Load(
        acknowledged=len(good),
        refused=len(told.answers) - len(good),
        again=told.again,
        accepted_per_second=rate_of([answer.at for answer in good], began) or 0.0,
        applied_per_second=rate_of([one.at for _, one in kept], began),
        answer=Delays.of(answer.at - answer.due for answer in good),
        applied=Delays.of(max(0.0, one.at - answer.at) for answer, one in kept),
        cost=cost,
        lost=len(good) - len(kept) if memory else 0,
        doubled=sum(one.rows > 1 for _, one in kept),
    )


def rate_of(moments: list[float], began: float) -> float | None:
    """Per second, from the first letter to the last of these."""
    return round(len(moments) / (max(moments) - began), 1) if moments else None
