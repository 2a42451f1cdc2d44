"""Beat's schedule: which tasks are sent how often. The tasks themselves find the due rows."""

from typing import Any

from tasks.queues import (
    ALERTS_TASK,
    CANARY_TASK,
    CHECK_LOGINS_TASK,
    CLEANUP_TASK,
    ENROL_TASK,
    MESSAGE_EXPIRY,
    PICTURES_TASK,
    QUEUES,
    RECHECK_TASK,
    SWEEP_TASK,
    TICK_TASK,
    WAKE_TASKS,
)

ScheduleEntry = dict[str, Any]


def schedule_entry(task: str, queue: str, *, interval: float) -> ScheduleEntry:
    """One entry of the schedule. Units: `interval` in seconds, as Celery expects it."""
    return {
        "task": task,
        "schedule": interval,
        "options": {"queue": queue, "expires": MESSAGE_EXPIRY},
    }


ALERTS_INTERVAL = 60.0
SWEEP_INTERVAL = 1.0
WAKE_INTERVAL = 10.0

BEAT_SCHEDULE: dict[str, ScheduleEntry] = {
    # Makes up for lost wake-ups: due rows are claimed within a second or two.
    "sweep": schedule_entry(SWEEP_TASK, "housekeeping", interval=SWEEP_INTERVAL),
    # Makes up for sweeps that no worker executes, because it is busy or away.
    **{
        f"wake {kind}": schedule_entry(task, kind, interval=WAKE_INTERVAL)
        for kind, task in WAKE_TASKS.items()
    },
    # Its heartbeat grows old when beat, the broker or the workers are down.
    "tick": schedule_entry(TICK_TASK, "housekeeping", interval=5.0),
    # One canary per queue, so that a worker that runs but receives nothing is noticed.
    **{f"canary {queue}": schedule_entry(CANARY_TASK, queue, interval=10.0) for queue in QUEUES},
    # Alerts are opened and resolved by the current state, not by single events.
    "watch": schedule_entry(ALERTS_TASK, "housekeeping", interval=ALERTS_INTERVAL),
    # Adds accounts to the sampling of insights; when each is due is stored in its row.
    "enrol": schedule_entry(ENROL_TASK, "insights", interval=60.0),
    # Published posts whose video id the platform has not sent yet, because moderation takes time.
    "look again": schedule_entry(RECHECK_TASK, "housekeeping", interval=60.0),
    # Asks platforms about each login and webhook subscription once a day, a limited number a time.
    "check logins": schedule_entry(CHECK_LOGINS_TASK, "housekeeping", interval=300.0),
    # Fetches the pictures of accounts that were just connected, and of each once a day.
    "fetch pictures": schedule_entry(PICTURES_TASK, "housekeeping", interval=10.0),
    # Deletes a limited number of rows each time; the next run continues.
    "tidy": schedule_entry(CLEANUP_TASK, "housekeeping", interval=300.0),
}
"""No entry has a time of day: beat forgets what it missed while it was down, rows do not."""


def build_beat_schedule(*, alerts_interval: float = ALERTS_INTERVAL) -> dict[str, ScheduleEntry]:
    """The schedule with the intervals of the settings. Units: seconds."""
    return {**BEAT_SCHEDULE, "watch": {**BEAT_SCHEDULE["watch"], "schedule": alerts_interval}}
