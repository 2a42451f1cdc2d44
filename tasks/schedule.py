"""What beat rings, and how often. A table: which work is due is never decided here."""

from typing import Any

from tasks.queues import (
    ALERTS_TASK,
    CANARY_TASK,
    CLEANUP_TASK,
    ENROL_TASK,
    MESSAGE_EXPIRY,
    QUEUES,
    RECHECK_TASK,
    TICK_TASK,
    WAKE_TASKS,
)

ScheduleEntry = dict[str, Any]


def schedule_entry(task: str, queue: str, *, interval: float) -> ScheduleEntry:
    """One line of beat's schedule; `every` is in seconds, as Celery wants it."""
    return {
        "task": task,
        "schedule": interval,
        "options": {"queue": queue, "expires": MESSAGE_EXPIRY},
    }


ALERTS_INTERVAL = 60.0

BEAT_SCHEDULE: dict[str, ScheduleEntry] = {
    # The net under every lost bell: whatever is due is looked at within a second.
    **{
        f"wake {kind}": schedule_entry(task, kind, interval=1.0)
        for kind, task in WAKE_TASKS.items()
    },
    # The dead man's switch: its row grows old when beat, broker or workers are away.
    "tick": schedule_entry(TICK_TASK, "housekeeping", interval=5.0),
    # One canary per queue, so that a worker which looks alive and hears nothing is found out.
    **{f"canary {queue}": schedule_entry(CANARY_TASK, queue, interval=10.0) for queue in QUEUES},
    # Alerts open and end by how things stand, not by what anybody happened to notice.
    "watch": schedule_entry(ALERTS_TASK, "housekeeping", interval=ALERTS_INTERVAL),
    # Accounts whose numbers are to be sampled from now on; what they are due for, their rows know.
    "enrol": schedule_entry(ENROL_TASK, "insights", interval=60.0),
    # Published posts whose ids the platform has not told yet, because moderation takes its time.
    "look again": schedule_entry(RECHECK_TASK, "housekeeping", interval=60.0),
    # Often and little: what is left over is for the next time.
    "tidy": schedule_entry(CLEANUP_TASK, "housekeeping", interval=300.0),
}
"""Nothing here means "it is two o'clock, do X": beat forgets what it missed, the rows do not."""


def build_beat_schedule(*, alerts_interval: float = ALERTS_INTERVAL) -> dict[str, ScheduleEntry]:
    """The table, with what settings may change. Units: seconds."""
    return {**BEAT_SCHEDULE, "watch": {**BEAT_SCHEDULE["watch"], "schedule": alerts_interval}}
