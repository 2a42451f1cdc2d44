"""Measures of conditions about beat, workers and clocks."""

from datetime import timedelta

from core.bootstrap import Services
from core.health.measurement import Measurement
from core.health.readiness import NON_CRITICAL_QUEUES, QUEUES
from core.health.workers import WORKER_PREFIX
from db.ops.heartbeats import Heartbeats
from db.pauses import Pauses
from db.session import Session, database_now

CANARY_TIMEOUT = 5 * timedelta(seconds=10)
"""A canary is sent every ten seconds. A worker that is replaced misses two or three."""

UNKNOWN_PATH_HEARTBEAT = "unknown webhook path:"
UNKNOWN_PATH_PERIOD = timedelta(hours=1)


def measure_tick_age(session: Session, _services: Services) -> Measurement:
    """Seconds since the last tick of beat; 0 if beat has never run."""
    age = Heartbeats(session).age("tick")
    return Measurement(age.total_seconds() if age else 0.0)


def count_silent_queues(session: Session, _services: Services) -> Measurement:
    """Queues without a consumer: all of them without any worker; otherwise those with due work
    whose canary has stopped arriving.

    Workers report that they are alive without beat, so that a silent beat, which sends no canaries,
    is not mistaken for silent workers.
    """
    heartbeats = Heartbeats(session)
    alive_age = heartbeats.youngest_age(WORKER_PREFIX)
    if alive_age is not None and alive_age > CANARY_TIMEOUT:
        return Measurement(len(QUEUES), {"names": ["all"]})
    tick_age = heartbeats.age("tick")
    if alive_age is not None and tick_age is not None and tick_age > CANARY_TIMEOUT:
        return Measurement(0.0)
    ages = {kind: heartbeats.age(f"canary:{kind}") for kind in QUEUES}
    silent = [kind for kind, age in ages.items() if age is not None and age > CANARY_TIMEOUT]
    names = [kind for kind in silent if QUEUES[kind].oldest_due_at(session) is not None]
    return Measurement(len(names), {"names": names} if names else {})


def measure_overdue_work(session: Session, _services: Services) -> Measurement:
    """Seconds for which the oldest row of a queue has been due, of those that do not wait for
    servers of others.
    """
    now = database_now(session)
    oldest = {
        kind: queue.oldest_due_at(session)
        for kind, queue in QUEUES.items()
        if kind not in NON_CRITICAL_QUEUES
    }
    ages = {kind: (now - at).total_seconds() for kind, at in oldest.items() if at is not None}
    if not ages:
        return Measurement(0.0)
    slowest = max(ages, key=lambda kind: ages[kind])
    return Measurement(max(ages[slowest], 0.0), {"names": [slowest]})


def measure_longest_pause(session: Session, _services: Services) -> Measurement:
    """Seconds for which the oldest pause of an operator has lasted; all are named."""
    pauses = Pauses(session).list_all()
    if not pauses:
        return Measurement(0.0)
    age = (database_now(session) - pauses[0].paused_at).total_seconds()
    return Measurement(max(age, 0.0), {"names": [pause.target for pause in pauses]})


def measure_clock_skew(session: Session, services: Services) -> Measurement:
    """Seconds between our clock and the database's."""
    return Measurement(abs((services.now() - database_now(session)).total_seconds()))


def count_unknown_paths(session: Session, _services: Services) -> Measurement:
    """1 if any web process got a delivery for an address that does not exist; otherwise 0."""
    age = Heartbeats(session).youngest_age(UNKNOWN_PATH_HEARTBEAT)
    return Measurement(float(age is not None and age < UNKNOWN_PATH_PERIOD))
