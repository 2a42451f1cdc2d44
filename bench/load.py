"""One stack under one load: sent, awaited, and every acknowledged id looked up.

Must not know which stack it is.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bench.costs import per_event, spent, watched
from bench.figures import Delays
from bench.ground import ROOT
from bench.memory import Applied, Memory
from bench.orders import Answer, Order, Told
from bench.stacks import CLIENT_KEY, Stack

FASTEST = 3000  # letters per second that letters and publications are made for
PATIENCE = 60.0  # seconds until all that was acknowledged is applied
LOOK = 0.1


@dataclass(frozen=True)
class Pace:
    """How letters are sent, for so many seconds. With a `rate` nobody waits for earlier answers."""

    connections: int
    seconds: float
    rate: float | None = None
    most: int | None = None

    @property
    def letters(self) -> int:
        return self.most or int(self.seconds * (self.rate or FASTEST))


@dataclass(frozen=True)
class Load:
    """One phase. Rates are per second; costs are milliseconds of CPU per acknowledged event."""

    offered_per_second: float | None
    acknowledged: int
    refused: int
    again: int
    accepted_per_second: float
    applied_per_second: float | None
    answer: Delays | None
    applied: Delays | None
    cost: Mapping[str, float]
    web_mib: float
    lost: int
    doubled: int

    @property
    def cost_of_all(self) -> float:
        """Without the generator's."""
        return round(sum(cost for role, cost in self.cost.items() if role != "generator"), 3)


def phase(stack: Stack, name: str, pace: Pace) -> Load:
    order = Order(
        stack.hears,
        prefix := f"{name}-",
        pace.letters,
        pace.seconds,
        pace.connections,
        CLIENT_KEY,
        stack.secret,
        pace.rate,
    )
    if stack.memory:
        stack.memory.expect(prefix, pace.letters)
    before = spent(stack.pids)
    with watched(stack.pids["web"]) as peak:
        told = sent(order)
    if stack.memory:
        await_all(stack.memory)
    good = [answer for answer in told.answers if answer.acknowledged]
    cost = per_event(before, spent(stack.pids), len(good))
    cost["generator"] = round(told.cpu_seconds / max(len(good), 1) * 1000, 3)
    found = stack.memory.applied(prefix) if stack.memory else None
    return judged(order, told, good, found, cost=cost, web_mib=peak.mib)


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
    answers = tuple(Answer(*answer) for answer in told.pop("answers"))
    return Told(answers, **told)


def await_all(memory: Memory) -> None:
    """Until nothing waits, or patience ends: what is missing then is counted as lost."""
    end = time.monotonic() + PATIENCE
    while memory.waiting() and time.monotonic() < end:
        time.sleep(LOOK)


def judged(
    order: Order,
    told: Told,
    good: list[Answer],
    found: Mapping[str, Applied] | None,
    *,
    cost: Mapping[str, float],
    web_mib: float,
) -> Load:
    """`found` are the publications that were applied; None where nothing is stored."""
    names = {answer.number: (found or {}).get(f"{order.prefix}{answer.number}") for answer in good}
    kept = [(answer, one) for answer in good if (one := names[answer.number])]
    began = min((answer.due for answer in told.answers), default=0.0)
    return Load(
        offered_per_second=order.rate and round(order.rate, 1),
        acknowledged=len(good),
        refused=len(told.answers) - len(good),
        again=told.again,
        accepted_per_second=rate_of([answer.at for answer in good], began) or 0.0,
        applied_per_second=rate_of([one.at for _, one in kept], began),
        answer=Delays.of(answer.at - answer.due for answer in good),
        applied=Delays.of(max(0.0, one.at - answer.at) for answer, one in kept),
        cost=cost,
        web_mib=web_mib,
        lost=len(good) - len(kept) if found is not None else 0,
        doubled=sum(one.rows > 1 for _, one in kept),
    )


def rate_of(moments: list[float], began: float) -> float | None:
    """Per second, from the first letter to the last of these."""
    return round(len(moments) / (max(moments) - began), 1) if moments else None
