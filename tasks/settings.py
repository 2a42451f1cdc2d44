"""Celery's settings as a pure function of broker URL and process role."""

from typing import Any

from kombu import Exchange, Queue

from tasks.broker_options import CONSUMER_ROLES, broker_settings
from tasks.queues import QUEUES
from tasks.schedule import ALERTS_INTERVAL, build_beat_schedule

TIME_LIMITS = {"uploads": (240, 300)}
"""Soft and hard time limit in seconds by role; leases in Postgres are longer than the hard one."""

DEFAULT_TIME_LIMITS = (60, 75)

POOL_LIMITS = {**dict.fromkeys(CONSUMER_ROLES, 2), "flower": None}
"""How many connections to the broker are kept for sending, by role.

Flower has no limit: each of its threads holds one connection while it waits for a second, so that
with a limit a few of them wait for each other for ever.
"""

DEFAULT_POOL_LIMIT = 4


def build_configuration(
    broker_url: str,
    role: str,
    *,
    alerts_interval: float = ALERTS_INTERVAL,
    queue_type: str = "classic",
) -> dict[str, Any]:
    """All settings of Celery.

    Shapes: `role` is a value of SIGNALPOST_ROLE, `queue_type` one of BROKER_QUEUE_TYPE.
    Units: seconds. Errors: ValueError for an address that our clients cannot use.
    Source: Celery 5.6 and kombu 5.7, without settings that need Celery 5.7 (docs/decisions/0008).
    """
    soft, hard = TIME_LIMITS.get(role, DEFAULT_TIME_LIMITS)
    return {
        **MESSAGE_SETTINGS,
        **QUEUE_SETTINGS,
        "task_queues": build_queues(queue_type),
        **queue_type_settings(queue_type),
        **WORKER_SETTINGS,
        **CONNECTION_SETTINGS,
        **BEAT_SETTINGS,
        "beat_schedule": build_beat_schedule(alerts_interval=alerts_interval),
        **broker_settings(broker_url, role),
        "broker_pool_limit": POOL_LIMITS.get(role, DEFAULT_POOL_LIMIT),
        "task_soft_time_limit": soft,
        "task_time_limit": hard,
    }


MESSAGE_SETTINGS = {
    "task_serializer": "json",
    "accept_content": ["json"],  # with pickle, write access to the broker is enough to run code
    "task_ignore_result": True,  # no result backend: state is in Postgres
    # There is no result backend, yet Celery would build one in each thread that publishes, reading
    # the metadata of all installed packages: 4 of the 5 ms that one wake-up took.
    "result_backend_thread_safe": True,
    # One retry without delay: the next wake-up is the real retry, but without any the connection
    # that a restarted RabbitMQ has closed is never reopened, and beat publishes into it for ever
    # (tested).
    "task_publish_retry": True,
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0},
    "enable_utc": True,
    "timezone": "UTC",
}


def queue_type_settings(queue_type: str) -> dict[str, Any]:
    """Settings by which Celery's own queues have this type, and delayed messages have none."""
    if queue_type == "classic":
        return {}
    return {
        "task_default_queue_type": queue_type,
        "worker_consumer": "tasks.quorum_consumer:QuorumConsumer",
    }


def build_queues(queue_type: str) -> list[Queue]:
    """Our queues: durable, and of RabbitMQ's type `classic` or `quorum`.

    A queue that exists keeps its type. Classic ones name none, as those of earlier versions.
    """
    arguments = None if queue_type == "classic" else {"x-queue-type": queue_type}
    return [
        Queue(name, Exchange(name, type="direct"), routing_key=name, queue_arguments=arguments)
        for name in QUEUES
    ]


QUEUE_SETTINGS = {
    "task_create_missing_queues": False,  # a typo must fail, not fill a queue without consumers
    "task_default_queue": "housekeeping",
}

WORKER_SETTINGS = {
    "task_acks_late": True,  # the messages of a killed worker are delivered again
    "task_acks_on_failure_or_timeout": True,  # the row has the failure; the message is done
    "task_reject_on_worker_lost": False,  # a task that kills its child process would loop for ever
    "worker_prefetch_multiplier": 1,  # no short task waits behind a long one
    # A short interruption must not kill an upload.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_soft_shutdown_timeout": 0.0,  # `tasks/stopping.py` waits, and no longer than needed
    "worker_max_tasks_per_child": 10_000,  # libraries leak memory; still, a child lives for hours
    "worker_max_memory_per_child": 400_000,  # KiB; well above the size a child starts with
    "worker_disable_rate_limits": True,  # Celery counts per worker; ours count per account
    "worker_hijack_root_logger": False,  # our log handlers redact secrets; Celery's do not
    "worker_redirect_stdouts": False,
    "worker_enable_remote_control": True,  # Flower queries the workers
    "worker_send_task_events": True,  # few: rows are processed in batches
    "task_send_sent_event": False,  # Flower needs no event for each message sent
}

CONNECTION_SETTINGS = {
    "broker_connection_retry_on_startup": True,  # processes start in any order
    "broker_connection_max_retries": None,  # after the default of 100 a worker would end
    "broker_heartbeat": 30,  # RabbitMQ: a dead connection is noticed within a minute
}

BEAT_SETTINGS = {
    "beat_scheduler": "tasks.beat_scheduler:SleepingScheduler",
    "beat_max_loop_interval": 1,
}
