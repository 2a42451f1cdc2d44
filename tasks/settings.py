"""Celery's settings as a pure function of broker and role. Must not read the environment."""

from typing import Any

from kombu import Exchange, Queue

from tasks.queues import QUEUES
from tasks.schedule import ALERTS_INTERVAL, build_beat_schedule

CONSUMER_ROLES = frozenset({"worker", "uploads"})
"""Roles that consume. All others only publish, and must not be held up by a sick broker."""

TIME_LIMITS = {"uploads": (240, 300)}
"""Soft and hard time limit in seconds by role; the lease in Postgres outlives the hard one."""

DEFAULT_TIME_LIMITS = (60, 75)

REDIS_OPTIONS = {
    "socket_keepalive": True,
    "health_check_interval": 10,  # a half-open link is noticed after 21 s instead of 51 s
    "visibility_timeout": 900,  # > 2 x the longest hard limit; equal everywhere, the shortest wins
}

REDIS_PUBLISHER_OPTIONS = {**REDIS_OPTIONS, "socket_timeout": 1.0, "socket_connect_timeout": 0.5}

REDIS_CONSUMER_OPTIONS = {
    **REDIS_OPTIONS,
    "socket_timeout": 30.0,  # an ack that times out costs a slot for good: short would mute us
    "socket_connect_timeout": 2.0,
    "unacked_restore_interval": 10,  # with throttle 1: a dead worker's message returns 90 s sooner
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 60,  # an orphaned mutex blocks redelivery for one minute, not five
}

# py-amqp's own names: it swallows `socket_timeout` without a word and would wait for ever.
AMQP_PUBLISHER_OPTIONS = {
    "confirm_publish": True,  # an unconfirmed publish is a wish
    "connect_timeout": 1.0,
    "read_timeout": 1.0,
    "write_timeout": 1.0,
}

AMQP_CONSUMER_OPTIONS = {
    "confirm_publish": True,
    "connect_timeout": 3.0,
    "write_timeout": 10.0,  # and no read timeout: the heartbeat watches an idle link
}


def build_configuration(
    broker_url: str, role: str, *, alerts_interval: float = ALERTS_INTERVAL
) -> dict[str, Any]:
    """Everything Celery is told.

    Shapes: `broker_url` is redis://, rediss:// or amqp://; `role` is a value of SIGNALPOST_ROLE.
    Units: seconds. Errors: ValueError for a broker we have no timeouts for.
    Source: Celery 5.6 and kombu 5.7; settings that only Celery 5.7 knows are left out (ADR 0008).
    """
    soft, hard = TIME_LIMITS.get(role, DEFAULT_TIME_LIMITS)
    return {
        **MESSAGE_SETTINGS,
        **QUEUE_SETTINGS,
        **WORKER_SETTINGS,
        **CONNECTION_SETTINGS,
        **BEAT_SETTINGS,
        "beat_schedule": build_beat_schedule(alerts_interval=alerts_interval),
        "broker_url": broker_url,
        "broker_transport_options": transport_options(broker_url, role),
        "broker_pool_limit": 2 if role in CONSUMER_ROLES else 4,
        "task_soft_time_limit": soft,
        "task_time_limit": hard,
    }


def transport_options(broker_url: str, role: str) -> dict[str, Any]:
    consumes = role in CONSUMER_ROLES
    match broker_url.partition(":")[0]:
        case "redis" | "rediss":
            return dict(REDIS_CONSUMER_OPTIONS if consumes else REDIS_PUBLISHER_OPTIONS)
        case "amqp" | "amqps":
            return dict(AMQP_CONSUMER_OPTIONS if consumes else AMQP_PUBLISHER_OPTIONS)
        case scheme:
            message = f"no broker of ours speaks {scheme}://"
            raise ValueError(message)


MESSAGE_SETTINGS = {
    "task_serializer": "json",
    "accept_content": ["json"],  # pickle would let whoever can write to the broker run code
    "task_ignore_result": True,  # no result backend: state is in Postgres
    # It is none, and yet made anew in each thread that publishes, by reading what every installed
    # package says of itself: 4 of the 5 ms that ringing once took.
    "result_backend_thread_safe": True,
    # Once, at once: the next bell is the real retry, but without any the link that a restarted
    # RabbitMQ has cut is never opened anew, and beat rings into it for ever (tested).
    "task_publish_retry": True,
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0},
    "enable_utc": True,
    "timezone": "UTC",
}

QUEUE_SETTINGS = {
    # Classic and durable: quorum queues need RabbitMQ 4.0.1 from Celery 5.6.3 on, Debian has
    # 3.10, and a bell need not outlive its broker: beat rings again.
    "task_queues": [
        Queue(name, Exchange(name, type="direct"), routing_key=name) for name in QUEUES
    ],
    "task_create_missing_queues": False,  # a typo must fail, not fill a queue nobody reads
    "task_default_queue": "housekeeping",
}

WORKER_SETTINGS = {
    "task_acks_late": True,  # a second net: what a killed worker held comes back
    "task_acks_on_failure_or_timeout": True,  # the failure is in the row; the message is spent
    "task_reject_on_worker_lost": False,  # would loop for ever around a task that kills its child
    "worker_prefetch_multiplier": 1,  # no short task waits behind somebody's long one
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # a blip must not kill an upload
    "worker_soft_shutdown_timeout": 10.0,  # then cold; an unfinished step is claimed again
    "worker_enable_soft_shutdown_on_idle": False,  # that protects countdowns; we have none
    "worker_max_tasks_per_child": 10_000,  # libraries leak; a child lives for hours all the same
    "worker_max_memory_per_child": 400_000,  # KiB; well above the size a child starts with
    "worker_disable_rate_limits": True,  # Celery counts per worker; ours count per account
    "worker_hijack_root_logger": False,  # our handlers redact; Celery's would not
    "worker_redirect_stdouts": False,
    "worker_enable_remote_control": True,  # Flower asks workers how they are
    "worker_send_task_events": True,  # few: work travels in batches
    "task_send_sent_event": False,  # who rang is of no interest
}

CONNECTION_SETTINGS = {
    "broker_connection_retry_on_startup": True,  # whoever starts first waits for the others
    "broker_connection_max_retries": None,  # never give up: 100 tries would end a long outage badly
    "broker_heartbeat": 30,  # RabbitMQ: a dead link is noticed within a minute
}

BEAT_SETTINGS = {
    "beat_scheduler": "celery.beat:Scheduler",  # in memory: when work is due stands in Postgres
    "beat_max_loop_interval": 1,
}
