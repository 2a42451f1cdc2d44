"""One stack under one load: sent, awaited, and every acknowledged id looked up.

Must not know which stack it is.
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

MAX_RATE = 3000  # letters per second that letters and publications are made for
APPLY_TIMEOUT = 60.0  # seconds until all that was acknowledged is applied
POLL_INTERVAL = 0.1


@dataclass(frozen=True)
class Pace:
    """How letters are sent, for so many seconds. With a `rate` nobody waits for earlier answers."""

    connections: int
    seconds: float
    rate: float | None = None
    max_deliveries: int | None = None

    @property
    def delivery_count(self) -> int:
        return self.max_deliveries or int(self.seconds * (self.rate or MAX_RATE))


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
    acknowledged = sum(answer.is_acknowledged for answer in report.answers)
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
    """By a process of its own. The order goes through a pipe: arguments can be read by all."""
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
    """Until nothing waits, or patience ends: what is missing then is counted as lost."""
    deadline = time.monotonic() + APPLY_TIMEOUT
    while database.count_waiting() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)


# MERGED bench.phases: What each stack goes through, in this order: idle, as fast as it goes, then at fixed rates.

FEW_SENDERS, MANY_SENDERS = 16, 64  # senders
WARM_UP = Pace(
    MANY_SENDERS, 2.0, max_deliveries=1500
)  # until connections are open and what compiles late is compiled
IDLE_RATE = 5.0  # letters per second, that nothing waits behind
PEAK_SHARE = 0.7  # of what the stack has shown to accept

PHASE_TITLES = {
    "idle": f"On an idle house, {IDLE_RATE:.0f} letters per second: delays from when each was due",
    "few": f"As fast as it goes: {FEW_SENDERS} senders, each waits for its answer",
    "many": f"As fast as it goes: {MANY_SENDERS} senders",
    "most": f"At {PEAK_SHARE:.0%} of what this stack accepted at most, whatever is answered",
    "same": "At the same rate for all, whatever is answered",
}


@dataclass(frozen=True)
class PhasePlan:
    """Seconds of the idle phase, and of each other; `rate` in letters per second."""

    idle: float
    seconds: float
    rate: float


def measure_phases(stack: Stack, plan: PhasePlan) -> dict[str, LoadResult]:
    """Phases by name. Idle comes first, before anything has grown."""
    run_phase(stack, "warm", WARM_UP)
    idle = run_phase(stack, "idle", Pace(MANY_SENDERS, plan.idle, rate=IDLE_RATE))
    few = run_phase(stack, "few", Pace(FEW_SENDERS, plan.seconds))
    many = run_phase(stack, "many", Pace(MANY_SENDERS, plan.seconds))
    most = PEAK_SHARE * max(few.accepted_per_second, many.accepted_per_second)
    return {
        "idle": idle,
        "few": few,
        "many": many,
        "most": run_phase(stack, "most", Pace(MANY_SENDERS, plan.seconds, rate=most)),
        "same": run_phase(stack, "same", Pace(MANY_SENDERS, plan.seconds, rate=plan.rate)),
    }
