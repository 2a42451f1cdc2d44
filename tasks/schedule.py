"""What beat rings, and how often. A table: which work is due is never decided here."""

from typing import Any

from tasks.queues import CANARY, ENROL, EXPIRES, QUEUES, RESUME, TICK, TIDY, WAKES, WATCH

Entry = dict[str, Any]


def entry(task: str, queue: str, *, every: float) -> Entry:
    """One line of beat's schedule; `every` is in seconds, as Celery wants it."""
    return {"task": task, "schedule": every, "options": {"queue": queue, "expires": EXPIRES}}


ALERTS_EVERY = 60.0

SCHEDULE: dict[str, Entry] = {
    # The net under every lost bell: whatever is due is looked at within a second.
    **{f"wake {kind}": entry(task, kind, every=1.0) for kind, task in WAKES.items()},
    # The dead man's switch: its row grows old when beat, broker or workers are away.
    "tick": entry(TICK, "housekeeping", every=5.0),
    # One canary per queue, so that a worker which looks alive and hears nothing is found out.
    **{f"canary {queue}": entry(CANARY, queue, every=10.0) for queue in QUEUES},
    # Alerts open and end by how things stand, not by what anybody happened to notice.
    "watch": entry(WATCH, "housekeeping", every=ALERTS_EVERY),
    # Accounts whose numbers are to be sampled from now on; what they are due for, their rows know.
    "enrol": entry(ENROL, "insights", every=60.0),
    # Published posts whose ids the platform has not told yet, because moderation takes its time.
    "look again": entry(RESUME, "housekeeping", every=60.0),
    # Often and little: what is left over is for the next time.
    "tidy": entry(TIDY, "housekeeping", every=300.0),
}
"""Nothing here means "it is two o'clock, do X": beat forgets what it missed, the rows do not."""


def schedule(*, alerts_every: float = ALERTS_EVERY) -> dict[str, Entry]:
    """The table, with what settings may change. Units: seconds."""
    return {**SCHEDULE, "watch": {**SCHEDULE["watch"], "schedule": alerts_every}}
