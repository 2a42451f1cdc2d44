"""The faults of the campaign: what each number means, what injects it, or why nothing does.

The numbers are stable and are cited in reports: decision 0071.
"""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """Faults of one lane are injected one after the other, the lanes at the same time."""

    WORKER = "worker"
    SERVERS = "servers"  # web, beat, and the worker for uploads
    STORES = "stores"
    PLATFORMS = "platforms"


@dataclass(frozen=True)
class FaultAction:
    """One way to inject a fault. `weight`: how often it is planned, compared to its lane.

    `is_kill`: a process is ended by SIGKILL.
    """

    name: str
    lane: Lane
    weight: int = 1
    is_kill: bool = False


@dataclass(frozen=True)
class FaultKind:
    """`actions` are empty if the fault is not possible in this stack; `excuse` says why."""

    number: str
    title: str
    actions: tuple[FaultAction, ...] = ()
    excuse: str = ""


FAULT_KINDS = (
    FaultKind(
        "F1",
        "a worker, its children or the uploads worker killed",
        (
            FaultAction("kill_worker", Lane.WORKER, 4, is_kill=True),
            FaultAction("kill_worker_child", Lane.WORKER, 5, is_kill=True),
            FaultAction("kill_uploads", Lane.SERVERS, 3, is_kill=True),
        ),
    ),
    FaultKind(
        "F2",
        "web or beat killed",
        (
            FaultAction("kill_web", Lane.SERVERS, 3, is_kill=True),
            FaultAction("kill_beat", Lane.SERVERS, 3, is_kill=True),
        ),
    ),
    FaultKind(
        "F3",
        "workers stopped by SIGTERM and SIGQUIT",
        (FaultAction("terminate_worker", Lane.WORKER), FaultAction("quit_uploads", Lane.SERVERS)),
    ),
    FaultKind(
        "F4",
        "a process suspended for longer than its leases",
        (FaultAction("suspend_worker_past_leases", Lane.WORKER, 2),),
    ),
    FaultKind(
        "F5",
        "Redis emptied, or killed and started without its data",
        (FaultAction("kill_redis", Lane.STORES), FaultAction("empty_redis", Lane.STORES)),
    ),
    FaultKind("F6", "Redis frozen", (FaultAction("freeze_redis", Lane.STORES),)),
    FaultKind(
        "F7",
        "Redis slow, and its connections reset",
        (
            FaultAction("delay_redis", Lane.STORES),
            FaultAction("reset_redis_connections", Lane.STORES),
        ),
    ),
    FaultKind("F8", "no memory left in Redis", (FaultAction("fill_redis", Lane.STORES),)),
    FaultKind(
        "F9",
        "Postgres killed or frozen",
        (FaultAction("kill_postgres", Lane.STORES), FaultAction("freeze_postgres", Lane.STORES)),
    ),
    FaultKind(
        "F10",
        "connections to Postgres terminated",
        (FaultAction("terminate_connections", Lane.STORES),),
    ),
    FaultKind(
        "F11",
        "fifty requests at once while tables are locked",
        (FaultAction("exhaust_connections", Lane.STORES),),
    ),
    FaultKind(
        "F12",
        "rows locked against the workers' order, and under a refresh",
        (
            FaultAction("lock_posts_in_reverse", Lane.STORES),
            FaultAction("lock_account_row", Lane.STORES),
        ),
    ),
    FaultKind("F13", "a long transaction", (FaultAction("hold_long_transaction", Lane.STORES),)),
    FaultKind(
        "F14",
        "platforms answer with errors, slowly, in halves, in odd shapes",
        (FaultAction("break_platform_answers", Lane.PLATFORMS, 4),),
    ),
    FaultKind(
        "F15",
        "platforms do what was requested and never answer",
        (FaultAction("lose_platform_answers", Lane.PLATFORMS, 3),),
    ),
    FaultKind(
        "F16",
        "hostile, repeated and shuffled deliveries",
        (
            FaultAction("send_hostile_deliveries", Lane.PLATFORMS),
            FaultAction("disturb_deliveries", Lane.PLATFORMS),
        ),
    ),
    FaultKind(
        "F17",
        "clocks of web, workers and beat jump by an hour",
        (
            FaultAction("move_clock_forward", Lane.PLATFORMS),
            FaultAction("move_clock_back", Lane.PLATFORMS),
        ),
    ),
    FaultKind("F18", "no room left for media", (FaultAction("fill_media_disk", Lane.PLATFORMS),)),
    FaultKind(
        "F19",
        "an event that no worker can apply",
        (FaultAction("send_poisoned_event", Lane.PLATFORMS, 2),),
    ),
    FaultKind(
        "F20",
        "an upload killed at one of its chunks",
        (FaultAction("kill_uploads_at_chunk", Lane.SERVERS, is_kill=True),),
    ),
    FaultKind("F21", "two beats", (FaultAction("start_second_beat", Lane.PLATFORMS),)),
    FaultKind(
        "F22",
        "all tokens expire at once, and a worker is killed while it refreshes one",
        (
            FaultAction("expire_all_tokens", Lane.WORKER),
            FaultAction("kill_worker_at_refresh", Lane.WORKER, is_kill=True),
        ),
    ),
    FaultKind(
        "F23",
        "keys rotated, encrypted values swapped",
        excuse="keys are read when a process starts: tests/db/test_accounts_key_rotation.py",
    ),
    FaultKind(
        "F24",
        "RabbitMQ killed and frozen",
        excuse="this stack has Redis: python -m chaos --long, which kills RabbitMQ too",
    ),
)
