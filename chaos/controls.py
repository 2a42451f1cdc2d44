"""Controls: with one safeguard switched off, the same checks must find violations."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.flows import response_faults, stack_failures
from tests.flows.api_user import DIRECT_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import load_outcome
from tests.flows.stacks import RunningStack, run_stack
from tests.flows.webhook_burst import SETUP_SQL, WEBHOOK_SECRET
from tests.flows.webhook_stream import DeliveryStream

UNSAFE_STACK_COMMAND = (sys.executable, "-m", "tests.flows.unsafe_stack")
SUSPENSIONS, EVENTS_PER_SECOND = 60, 100.0
WITHOUT_BEAT_SECONDS = 6.0  # beat would have woken the workers six times
SMALL_VIDEO = {"source": "PULL_FROM_URL", "videoUrl": "https://videos.example.com/video.mp4"}
COUNT_APPLIED_TWICE = (
    "SELECT count(*) FROM (SELECT FROM applied GROUP BY event_id HAVING count(*) > 1) AS twice"
)


@dataclass(frozen=True)
class ControlResult:
    """`name`: the safeguard that was switched off. It has to find violations."""

    name: str
    found_violations: int
    example: str
    seconds: float


def run_controls(folder: Path, report_step: Callable[[str], None]) -> list[ControlResult]:
    """Run the controls on one stack whose workers lack safeguards."""
    report_step("controls: a stack without safeguards must violate the invariants")
    with run_stack(
        folder, command=UNSAFE_STACK_COMMAND, TIKTOK_WEBHOOK_SECRET=WEBHOOK_SECRET
    ) as stack:
        stack.query(SETUP_SQL)
        return [measure_control(name, control, stack) for name, control in CONTROLS.items()]


def measure_control(
    name: str, control: Callable[[RunningStack], list[str]], stack: RunningStack
) -> ControlResult:
    started_at = time.monotonic()
    try:
        found = control(stack)
    except AssertionError as error:
        return ControlResult(name, 0, str(error)[:100], round(time.monotonic() - started_at, 1))
    example = found[0] if found else ""
    return ControlResult(name, len(found), example, round(time.monotonic() - started_at, 1))


def apply_without_fence(stack: RunningStack) -> list[str]:
    """Let processes outlive their leases: without the fence some event is applied twice."""
    stream = DeliveryStream(stack, "unfenced-", 0, rate=EVENTS_PER_SECOND)
    with stream.run():
        for _ in range(SUSPENSIONS):
            stack_failures.suspend_past_lease(stack)
            if stack.query_value(COUNT_APPLIED_TWICE):
                break
    wait_until(stream.is_drained_early, within=60, what="all events processed")
    return [f"I2 not applied once: {name}" for name in find_unapplied(stream)]


def find_unapplied(stream: DeliveryStream) -> list[str]:
    return sorted(stream.find_violations().get("not applied once", ()))


def publish_without_reconciling(stack: RunningStack) -> list[str]:
    """Lose the answer to a start: without the written intent the post is published again."""
    user = stack.create_api_user()
    response_faults.delay_response(stack, "video_init", response_faults.DELAY_AFTER_EFFECT)
    post_id = user.create_post(**SMALL_VIDEO, **DIRECT_FIELDS)
    wait_until(lambda: response_faults.is_response_pending(stack, "video_init"), what="the start")
    response_faults.kill_and_recover(stack, "worker")
    user.wait_until_final(post_id, within=60)
    outcome = load_outcome(stack, user, post_id)
    return [] if outcome.is_consistent else [f"I2 published {outcome.publications} times"]


def lose_wakeups_without_beat(stack: RunningStack) -> list[str]:
    """Empty the broker while beat stands still: without its search nobody applies the events."""
    stream = DeliveryStream(stack, "unwoken-", 0)
    with stack.freeze("beat"):
        with stack.freeze("worker"):
            with stream.run():
                time.sleep(1)
            time.sleep(1)  # the last wake-up is sent shortly after the last answer
            stack_failures.flush_broker(stack)
            stack.kill("worker")
        wait_until(lambda: stack.find_process("worker"), within=60, what="the next worker")
        time.sleep(WITHOUT_BEAT_SECONDS)
        left = find_unapplied(stream)
    return [f"I1 not applied: {name}" for name in left]


CONTROLS: dict[str, Callable[[RunningStack], list[str]]] = {
    "the fence of leases": apply_without_fence,
    "the written intent before a start": publish_without_reconciling,
    "the search for due rows": lose_wakeups_without_beat,
}
