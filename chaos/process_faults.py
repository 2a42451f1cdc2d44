"""Faults of processes: killed, stopped, suspended; and killed while they wait for a platform."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

import psutil

from chaos.campaign_stack import CampaignStack
from chaos.fault_tools import FaultImpossible, expire_leases, wait_for
from chaos.plan import PlannedFault
from chaos.workload import Workload
from tests.flows.response_faults import (
    DELAY_AFTER_EFFECT,
    HANG_WITHOUT_EFFECT,
    delay_response,
    is_response_pending,
)

MIN_LIFETIME = 3.0  # seconds: killing a process that only starts proves little
SETTLING_TIMEOUT = 20.0  # seconds in which a process has been restarted
CALL_TIMEOUT = 20.0  # seconds in which a call to a platform is under way, a start included
CHUNK_COUNT = 6  # of a file of CHUNKED_FILE_BYTES


def kill_process(name: str) -> Callable[[CampaignStack, Workload, PlannedFault], str]:
    """Return the action that kills a process with its children."""

    def kill_all(stack: CampaignStack, _load: Workload, _fault: PlannedFault) -> str:
        wait_until_settled(stack, name)
        stack.running.kill(name)
        return name

    return kill_all


def wait_until_settled(stack: CampaignStack, name: str) -> psutil.Process:
    """Wait until the process has had time to work. Errors: FaultImpossible."""
    found: list[psutil.Process] = []

    def has_settled() -> bool:
        process = stack.running.find_process(name)
        with contextlib.suppress(psutil.Error):
            if process and time.time() - process.create_time() > MIN_LIFETIME:
                found.append(process)
        return bool(found)

    if not wait_for(has_settled, within=SETTLING_TIMEOUT):
        raise FaultImpossible(f"{name} was not running for {MIN_LIFETIME} s")
    return found[0]


def kill_worker_child(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Kill one of the worker's processes, which its parent has to replace."""
    pool = wait_for_pool(stack)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pool[fault.choice % len(pool)].pid, signal.SIGKILL)
    return "a child of the worker"


def wait_for_pool(stack: CampaignStack) -> list[psutil.Process]:
    """Return the worker's processes, once it has some. Errors: FaultImpossible.

    A child that is killed while the worker starts ends the worker, which proves little.
    """
    wait_until_settled(stack, "worker")
    pool: list[psutil.Process] = []

    def has_pool() -> bool:
        worker = stack.running.find_process("worker")
        pool[:] = list_children(worker) if worker else []
        return bool(pool)

    if not wait_for(has_pool, within=SETTLING_TIMEOUT):
        raise FaultImpossible("the worker had no children")
    return pool


def list_children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def send_signal(
    name: str, number: signal.Signals
) -> Callable[[CampaignStack, Workload, PlannedFault], str]:
    """Return the action that asks a process to stop, as a new release does."""

    def stop_process(stack: CampaignStack, _load: Workload, _fault: PlannedFault) -> str:
        process = wait_until_settled(stack, name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        return f"{name} {number.name}"

    return stop_process


def suspend_past_leases(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Suspend one of the worker's processes past its leases; then it goes on and tries to write."""
    pool = wait_for_pool(stack)
    process = pool[fault.choice % len(pool)]
    with contextlib.suppress(psutil.Error):
        process.suspend()
        try:
            expired = expire_leases(stack)
            time.sleep(fault.duration)
        finally:
            process.resume()
        return f"{expired} leases expired"
    return "the process had ended"


def kill_uploads_at_chunk(stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Kill the uploads worker while it waits for the answer to one of the chunks of a video."""
    number = fault.choice % CHUNK_COUNT + 1
    kind = (DELAY_AFTER_EFFECT, HANG_WITHOUT_EFFECT)[fault.choice // CHUNK_COUNT % 2]
    before = len(stack.sandbox.log("upload"))
    load.wait_for_web()
    delay_response(stack, "upload", kind, number)
    load.request_chunked_post()
    is_pending = wait_for(
        lambda: any(
            is_response_pending(stack, "upload", nth)
            for nth in range(before + 1, len(stack.sandbox.log("upload")) + 1)
        ),
        within=CALL_TIMEOUT,
    )
    stack.running.kill("uploads")
    stack.sandbox.control("faults", method="DELETE")
    expire_leases(stack)
    return f"chunk {number}" if is_pending else "no chunk was under way"


def expire_all_tokens(_stack: CampaignStack, load: Workload, _fault: PlannedFault) -> str:
    return f"{load.expire_tokens()} tokens"


def kill_worker_at_refresh(stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Kill the worker while the platform's answer to a refresh is under way."""
    before = len(stack.sandbox.log("token"))
    stack.sandbox.control("faults", endpoint="token", kind="slow", seconds=5)
    load.expire_tokens(only=fault.choice)
    is_pending = wait_for(
        lambda: any(call["status"] is None for call in stack.sandbox.log("token")[before:]),
        within=CALL_TIMEOUT,
    )
    stack.running.kill("worker")
    expire_leases(stack)
    return "a refresh was under way" if is_pending else "no refresh was under way"


PROCESS_ACTIONS = {
    "kill_worker": kill_process("worker"),
    "kill_worker_child": kill_worker_child,
    "kill_uploads": kill_process("uploads"),
    "kill_web": kill_process("web"),
    "kill_beat": kill_process("beat"),
    "terminate_worker": send_signal("worker", signal.SIGTERM),
    "quit_uploads": send_signal("uploads", signal.SIGQUIT),
    "suspend_worker_past_leases": suspend_past_leases,
    "kill_uploads_at_chunk": kill_uploads_at_chunk,
    "expire_all_tokens": expire_all_tokens,
    "kill_worker_at_refresh": kill_worker_at_refresh,
}
