"""Faults of the platforms and of what surrounds us: answers, deliveries, clocks, disks, beats."""

import contextlib
import time

import psutil

from chaos.campaign_stack import CampaignStack
from chaos.fault_tools import FaultImpossible, wait_for
from chaos.plan import PlannedFault
from chaos.workload import Workload
from tests.flows.child_processes import start_process
from tests.flows.hostile_deliveries import DELIVERY_CASES, envelope_body
from tests.flows.raw_http import send_raw

HOUR_SECONDS = 3600
BEAT_START_SECONDS = 12.0  # seconds in which a second beat has started and has ticked
ERROR_ANSWERS = (
    *("http_500", "http_429", "html_200", "html_502", "drop_before"),
    *("truncate", "truncated_json", "reset", "drop_after"),
)
SLOW_ANSWERS = {"slow": 2.0, "drip": 0.005}  # seconds of an answer, or of each of its bytes
DISTURBED_ENDPOINTS = (
    *("video_init", "inbox_init", "content_init", "status", "upload", "creator_info"),
    *("container_create", "container_status", "media_publish", "media_node", "rupload"),
)
UNSAFE_ENDPOINTS = ("video_init", "inbox_init", "content_init", "media_publish", "upload")
DELIVERY_FAULTS = ("duplicate", "shuffle", "delay", "lose")
CASES_PER_FAULT = 12
NEEDS_SECOND_SECRET = {"next secret"}
UNAVAILABLE = 503  # the answer while Postgres is down


def break_answers(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Let some calls to one endpoint fail, in one of many ways."""
    endpoint = DISTURBED_ENDPOINTS[fault.choice % len(DISTURBED_ENDPOINTS)]
    kinds = (*ERROR_ANSWERS, *SLOW_ANSWERS)
    kind = kinds[fault.choice // len(DISTURBED_ENDPOINTS) % len(kinds)]
    seconds = {"seconds": SLOW_ANSWERS[kind]} if kind in SLOW_ANSWERS else {}
    stack.sandbox.control("faults", endpoint=endpoint, kind=kind, times=2, **seconds)
    time.sleep(fault.duration)
    return f"{endpoint}: {kind}"


def lose_answers(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Let the platform do what is requested, and answer nothing."""
    endpoint = UNSAFE_ENDPOINTS[fault.choice % len(UNSAFE_ENDPOINTS)]
    kind = ("drop_after", "hang")[fault.choice // len(UNSAFE_ENDPOINTS) % 2]
    stack.sandbox.control("faults", endpoint=endpoint, kind=kind, work=True, seconds=8)
    time.sleep(fault.duration)
    return f"{endpoint}: {kind}"


def send_hostile(stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Send malformed and forged deliveries, each of which has one right status."""
    load.wait_for_web()
    names = sorted(name for name in DELIVERY_CASES if not is_unsuitable(name))
    chosen = [names[(fault.choice + 7 * number) % len(names)] for number in range(CASES_PER_FAULT)]
    for name in dict.fromkeys(chosen):
        build_request, body, (status, _code, _rows) = DELIVERY_CASES[name]
        name_once = f"{name}-{fault.choice}"
        message = build_request(envelope_body(name_once) if body is None else body)
        with contextlib.suppress(OSError):  # the web process was just killed
            answered = send_raw(stack.running.info["web"], message).status
            if answered not in {status, UNAVAILABLE, 0}:
                load.note_statuses({f"{name}: {answered} instead of {status}"})
    return f"{len(set(chosen))} deliveries"


def is_unsuitable(name: str) -> bool:
    """Whether a case needs the second secret, or Meta's, which this stack does not have."""
    return name in NEEDS_SECOND_SECRET or name.startswith("Meta")


def disturb_deliveries(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Let the sandbox send its own deliveries twice, in another order, late or never."""
    kind = DELIVERY_FAULTS[fault.choice % len(DELIVERY_FAULTS)]
    stack.sandbox.control("faults", endpoint="webhook", kind=kind, times=3)
    time.sleep(fault.duration)
    return kind


def move_clock_forward(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    return move_clock(stack, HOUR_SECONDS, fault.duration)


def move_clock_back(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    return move_clock(stack, -HOUR_SECONDS, fault.duration)


def move_clock(stack: CampaignStack, offset: float, duration: float) -> str:
    """Move the clock of our processes, for a while. The stores keep the machine's clock."""
    stack.move_clock(offset)
    try:
        time.sleep(duration)
    finally:
        stack.move_clock(0)
    return f"{offset:+.0f} s"


def fill_media_disk(stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Leave no room for media, while one file is sent to us."""
    if stack.media_disk is None:
        raise FaultImpossible("only root can mount a small disk")
    load.wait_for_web()
    stack.media_disk.fill()
    try:
        status = load.try_upload(fault.choice)
        time.sleep(fault.duration)
    finally:
        stack.media_disk.make_room()
    return f"an upload was answered {status}"


def send_poisoned_event(_stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Send an event that fails whenever a worker applies it."""
    load.send_poison(f"poison-{fault.choice}")
    return "one event"


def start_second_beat(stack: CampaignStack, _load: Workload, _fault: PlannedFault) -> str:
    """Run a copy of beat beside the first."""
    found: list[psutil.Process] = []

    def has_beat() -> bool:
        process = stack.running.find_process("beat")
        found[:] = [process] if process else []
        return bool(found)

    if not wait_for(has_beat, within=BEAT_START_SECONDS):
        raise FaultImpossible("beat was not running")
    try:
        command, environment = found[0].cmdline(), found[0].environ()
    except psutil.Error as error:
        raise FaultImpossible("beat has just ended") from error
    log = stack.running.folder / "second-beat.log"
    with log.open("ab") as output:
        beat = start_process(
            command,
            env=environment,
            cwd=stack.running.folder / "data",
            stdout=output,
            stderr=output,
        )
    try:
        time.sleep(BEAT_START_SECONDS)
        if beat.poll() is not None:
            raise FaultImpossible(f"it ended with {beat.returncode}")
    finally:
        beat.kill()
        beat.wait()
    return f"for {BEAT_START_SECONDS:.0f} s"


PLATFORM_ACTIONS = {
    "break_platform_answers": break_answers,
    "lose_platform_answers": lose_answers,
    "send_hostile_deliveries": send_hostile,
    "disturb_deliveries": disturb_deliveries,
    "move_clock_forward": move_clock_forward,
    "move_clock_back": move_clock_back,
    "fill_media_disk": fill_media_disk,
    "send_poisoned_event": send_poisoned_event,
    "start_second_beat": start_second_beat,
}
