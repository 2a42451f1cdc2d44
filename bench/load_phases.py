"""The load phases of a stack: idle, as fast as it can, then at fixed rates.

In each phase deliveries are sent, applied, and every acknowledged id is looked up.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from bench.load_order import DeliveryResponse, LoadOrder, LoadReport
from bench.load_results import LoadResult, ResourceUse, summarize_phase
from bench.machine import measure_noise
from bench.process_usage import cpu_ms_per_event, cpu_seconds_by_role, track_peak_memory
from bench.shared_servers import ROOT
from bench.stack_database import StackDatabase
from bench.stacks import CLIENT_KEY, Stack

MAX_RATE = 3000  # deliveries per second that are prepared for a phase without a rate
APPLY_TIMEOUT = 60.0  # seconds until all acknowledged events have to be applied
POLL_INTERVAL = 0.1  # seconds
FEW_SENDERS, MANY_SENDERS = 16, 64
IDLE_RATE = 5.0  # deliveries per second, so few that none waits for another
PEAK_SHARE = 0.7  # of the deliveries per second that the stack accepted at most

PHASE_TITLES = {
    "idle": (
        f"An idle stack, {IDLE_RATE:.0f} deliveries per second: delays count from the due time"
    ),
    "few": f"As fast as it goes: {FEW_SENDERS} senders, each waits for its response",
    "many": f"As fast as it goes: {MANY_SENDERS} senders",
    "most": f"At {PEAK_SHARE:.0%} of what this stack accepted at most, whether answered or not",
    "same": "At the same rate for all stacks, whether answered or not",
}


@dataclass(frozen=True)
class Pace:
    """How deliveries are sent. With a `rate` per second no sender waits for earlier responses."""

    connections: int
    seconds: float
    rate: float | None = None
    max_deliveries: int | None = None

    @property
    def delivery_count(self) -> int:
        return self.max_deliveries or int(self.seconds * (self.rate or MAX_RATE))


WARM_UP = Pace(MANY_SENDERS, 2.0, max_deliveries=1500)
"""Opens connections and lets Node compile."""


@dataclass(frozen=True)
class PhasePlan:
    """Seconds of the idle phase and of each other one; `rate` is in deliveries per second."""

    idle: float
    seconds: float
    rate: float


def measure_phases(stack: Stack, plan: PhasePlan) -> dict[str, LoadResult]:
    """Run all phases, by name. Idle comes first, while the tables are small."""
    run_phase(stack, "warm", WARM_UP)
    idle = run_phase(stack, "idle", Pace(MANY_SENDERS, plan.idle, rate=IDLE_RATE))
    few = run_phase(stack, "few", Pace(FEW_SENDERS, plan.seconds))
    many = run_phase(stack, "many", Pace(MANY_SENDERS, plan.seconds))
    high_rate = PEAK_SHARE * max(few.accepted_per_second, many.accepted_per_second)
    return {
        "idle": idle,
        "few": few,
        "many": many,
        "most": run_phase(stack, "most", Pace(MANY_SENDERS, plan.seconds, rate=high_rate)),
        "same": run_phase(stack, "same", Pace(MANY_SENDERS, plan.seconds, rate=plan.rate)),
    }


def run_phase(stack: Stack, name: str, pace: Pace) -> LoadResult:
    order = build_order(stack, name, pace)
    if stack.database:
        stack.database.insert_publications(order.prefix, order.max_deliveries)
    before = cpu_seconds_by_role(stack.pids)
    with measure_noise() as noise:
        with track_peak_memory(stack.pids["web"]) as peak:
            report = run_generator(order)
        if stack.database:
            wait_until_applied(stack.database)
    acknowledged = len([answer for answer in report.answers if answer.is_acknowledged])
    cost = cpu_ms_per_event(before, cpu_seconds_by_role(stack.pids), acknowledged)
    cost["generator"] = round(report.cpu_seconds / max(acknowledged, 1) * 1000, 3)
    applied = stack.database.load_applied(order.prefix) if stack.database else None
    return summarize_phase(
        order, report, applied, ResourceUse(cost, peak.mib, noise.other_cpu_share)
    )


def build_order(stack: Stack, name: str, pace: Pace) -> LoadOrder:
    return LoadOrder(
        url=stack.webhook_url,
        prefix=f"{name}-",
        max_deliveries=pace.delivery_count,
        seconds=pace.seconds,
        connections=pace.connections,
        client_key=CLIENT_KEY,
        secret=stack.secret,
        rate=pace.rate,
    )


def run_generator(order: LoadOrder) -> LoadReport:
    """Run the load generator as a process.

    The order has a secret and goes through a pipe: any user can read a process's arguments.
    """
    process = subprocess.run(
        [sys.executable, "-m", "bench.load_generator"],
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    report = json.loads(process.stdout)
    answers = tuple(DeliveryResponse(*answer) for answer in report.pop("answers"))
    return LoadReport(answers, **report)


def wait_until_applied(database: StackDatabase) -> None:
    """Wait until no event is waiting, or until the timeout: those missing then count as lost."""
    deadline = time.monotonic() + APPLY_TIMEOUT
    while database.count_waiting() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
