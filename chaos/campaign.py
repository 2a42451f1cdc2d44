"""Runs a plan on one whole stack under load, lets all work end, and checks the invariants."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from chaos.campaign_stack import CampaignStack, run_campaign_stack
from chaos.draining import drain_work
from chaos.fault_catalogue import Lane
from chaos.fault_tools import FaultImpossible
from chaos.invariants import InvariantResult, check_invariants
from chaos.plan import (
    CONTROL_SECONDS,
    MIN_FAULT_SECONDS,
    OVERTIME_SECONDS,
    SETTLING_SECONDS,
    WARM_UP_SECONDS,
    ChaosPlan,
    FaultInjection,
    PlannedFault,
)
from chaos.platform_faults import PLATFORM_ACTIONS
from chaos.process_faults import PROCESS_ACTIONS
from chaos.resources import measure_resources
from chaos.store_faults import STORE_ACTIONS
from chaos.timed_stream import TimedStream
from chaos.workload import EVENTS_PER_SECOND, STREAM_NAME, Workload

ACTIONS: dict[str, Callable[[CampaignStack, Workload, PlannedFault], str]] = {
    **PROCESS_ACTIONS,
    **STORE_ACTIONS,
    **PLATFORM_ACTIONS,
}
MINUTES_PER_ROUND = 5  # of posts of every kind
FILL_POOLS = PlannedFault(0.0, Lane.STORES, "F11", "exhaust_connections", duration=2.0, choice=0)
"""Opens as many connections as web ever holds, before anything is measured to compare with."""


@dataclass
class CampaignResult:
    """Units: seconds. `drain_seconds`: from the last fault until all work had ended."""

    plan: ChaosPlan
    injected: list[FaultInjection] = field(default_factory=list)
    invariants: list[InvariantResult] = field(default_factory=list)
    events: int = 0
    posts: int = 0
    seconds: float = 0.0
    drain_seconds: float = 0.0
    notes: dict[str, str | int] = field(default_factory=dict)

    @property
    def kills(self) -> int:
        return sum(
            injected.planned.is_kill and injected.outcome == "done" for injected in self.injected
        )


def run_campaign(
    plan: ChaosPlan, folder: Path, report_step: Callable[[str], None]
) -> CampaignResult:
    """Run the plan. `folder` gets the data and logs of the stack."""
    started_at = time.monotonic()
    result = CampaignResult(plan)
    with run_campaign_stack(folder) as stack:
        load = Workload(stack, TimedStream(stack.running, STREAM_NAME, 0, rate=EVENTS_PER_SECOND))
        report_step("connecting the accounts of all users")
        load.connect_users(max(1, round(plan.minutes / MINUTES_PER_ROUND)))
        with load.run(WARM_UP_SECONDS + plan.fault_seconds):
            report_step(f"{WARM_UP_SECONDS:.0f} s of load without a fault")
            time.sleep(WARM_UP_SECONDS)
            result.injected.append(inject_fault(FILL_POOLS, stack, load))
            resources = measure_resources(stack)
            report_step(f"{len(plan.faults)} faults in {plan.fault_seconds:.0f} s")
            ends_at = started_at + plan.minutes * 60 - SETTLING_SECONDS - CONTROL_SECONDS
            inject_faults(plan, stack, load, result, ends_at=ends_at)
        report_step("waiting for the end of all work")
        drain_started_at = time.monotonic()
        drained = drain_work(stack, load)
        result.drain_seconds = time.monotonic() - drain_started_at
        report_step("checking the invariants")
        result.invariants = check_invariants(stack, load, result.injected, resources, drained)
    result.events, result.posts = len(load.stream.acknowledged), drained.post_count
    result.notes = {
        "requests given up": len(load.given_up),
        "tokens expired": load.expired_tokens,
        "accounts connected again": load.reconnections,
        "odd answers": ", ".join(sorted(load.odd_answers)) or "none",
    }
    result.seconds = time.monotonic() - started_at
    return result


def inject_faults(
    plan: ChaosPlan,
    stack: CampaignStack,
    load: Workload,
    result: CampaignResult,
    *,
    ends_at: float,
) -> None:
    """Inject the faults of all lanes at the same time, and wait for their end.

    `ends_at`: when the time for faults is over, by the monotonic clock; a slow start takes some.
    Stores are started again by this thread: a process dies with the thread that started it.
    """
    first_at = time.monotonic()
    ends_at = max(ends_at, first_at + MIN_FAULT_SECONDS)
    others = [
        Thread(target=run_lane, args=(plan.lane(lane), stack, load, result, (first_at, ends_at)))
        for lane in Lane
        if lane != Lane.STORES
    ]
    for lane in others:
        lane.start()
    run_lane(plan.lane(Lane.STORES), stack, load, result, (first_at, ends_at))
    for lane in others:
        lane.join()


def run_lane(
    faults: list[PlannedFault],
    stack: CampaignStack,
    load: Workload,
    result: CampaignResult,
    period: tuple[float, float],
) -> None:
    """Inject the faults of one lane in order; what comes too late is left out.

    `period`: the first moment and the end, by the monotonic clock.
    """
    first_at, ends_at = period
    for planned in faults:
        due_at = first_at + planned.at
        if may_inject(planned, result, at=due_at, ends_at=ends_at):
            time.sleep(max(0.0, due_at - time.monotonic()))
            if may_inject(planned, result, at=time.monotonic(), ends_at=ends_at):
                result.injected.append(inject_fault(planned, stack, load))


def may_inject(planned: PlannedFault, result: CampaignResult, *, at: float, ends_at: float) -> bool:
    """Whether there is time for it. Kills that are missing have some more, on a slow machine."""
    is_missing = planned.is_kill and result.kills < result.plan.wanted_kills
    return at < ends_at + (OVERTIME_SECONDS if is_missing else 0.0)


def inject_fault(planned: PlannedFault, stack: CampaignStack, load: Workload) -> FaultInjection:
    """Inject one fault. An error in it is reported with it: the campaign goes on."""
    began_at = time.monotonic()
    try:
        outcome, detail = "done", ACTIONS[planned.action](stack, load, planned)
    except FaultImpossible as reason:
        outcome, detail = "impossible", str(reason)
    except Exception as error:  # noqa: BLE001 - the report shows it, and the run fails
        traceback.print_exc()
        outcome, detail = "failed", f"{type(error).__name__}: {error}"[:200]
    return FaultInjection(planned, outcome, detail, began_at, time.monotonic())
