"""One stack under one load: sent, awaited, and every acknowledged id looked up.

Must not know which stack it is.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from bench.costs import per_event, spent, watched
from bench.findings import Burden, Load, judged
from bench.ground import ROOT
from bench.memory import Memory
from bench.orders import Answer, Order, Told
from bench.stacks import CLIENT_KEY, Stack
from bench.weather import noted

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


def phase(stack: Stack, name: str, pace: Pace) -> Load:
    order = ordered(stack, name, pace)
    if stack.memory:
        stack.memory.expect(order.prefix, order.most)
    before = spent(stack.pids)
    with noted() as weather:
        with watched(stack.pids["web"]) as peak:
            told = sent(order)
        if stack.memory:
            await_all(stack.memory)
    good = sum(answer.acknowledged for answer in told.answers)
    cost = per_event(before, spent(stack.pids), good)
    cost["generator"] = round(told.cpu_seconds / max(good, 1) * 1000, 3)
    found = stack.memory.applied(order.prefix) if stack.memory else None
    return judged(order, told, found, Burden(cost, peak.mib, weather.others))


def ordered(stack: Stack, name: str, pace: Pace) -> Order:
    return Order(
        url=stack.hears,
        prefix=f"{name}-",
        most=pace.letters,
        seconds=pace.seconds,
        connections=pace.connections,
        client_key=CLIENT_KEY,
        secret=stack.secret,
        rate=pace.rate,
    )


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
