"""The per-process container of database and services, and `run_job_type`, which uses it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from core.bootstrap import Services, build_database, build_services
from core.config.settings import load_settings
from core.jobs.job_type import JobType, RunReport
from core.jobs.runner import run_jobs
from core.jobs.wake_signals import WakeSignals, build_wake_signals
from core.observability import metrics, telemetry
from db.leases import Row
from db.session import Database
from tasks.stopping import stop_requested
from tasks.wake import wake

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

TIME_BUDGET = 1.0
"""Seconds in which a task claims further batches. Short, because other kinds may wait for the
process."""
EXPIRED_CHECK_INTERVAL = 1.0  # seconds; the shortest lease lasts 30


@dataclass(frozen=True)
class WorkerContainer:
    database: Database
    services: Services
    event_signals: WakeSignals


@cache
def current_container() -> WorkerContainer:
    """Build the container. Opens no connection: pools connect at their first use."""
    settings = load_settings()
    return WorkerContainer(
        database=build_database(settings, role=settings.role),
        services=build_services(settings, wake=wake),
        event_signals=build_wake_signals(settings, "webhooks"),
    )


_last_expired_check: dict[str, float] = {}


def should_claim_expired(kind: str) -> bool:
    """Whether this run claims expired leases: once a second is enough for dozens of wake-ups."""
    now = time.monotonic()
    if now - _last_expired_check.get(kind, -EXPIRED_CHECK_INTERVAL) < EXPIRED_CHECK_INTERVAL:
        return False
    _last_expired_check[kind] = now
    return True


def run_job_type(
    job_type: JobType[Row, Job, Outcome], *, time_budget: float = TIME_BUDGET
) -> RunReport:
    """Run due work of one job type with this process's container, under a new correlation id."""
    telemetry.bind_correlation_id(None)
    with measure_run(job_type.kind):
        report = run_jobs(
            job_type,
            current_container().database,
            current_container().services,
            include_expired=should_claim_expired(job_type.kind),
            time_budget=time_budget,
            is_stopping=stop_requested.is_on,
        )
    metrics.RETRIES.labels(job_type.kind).inc(report.failed)
    metrics.STALE_LEASES.labels(job_type.kind).inc(report.stale_leases)
    return report


@contextmanager
def measure_run(kind: str) -> Iterator[None]:
    """Measure one run: its duration, and whether it ended without an error."""
    started = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        metrics.WORKER_RUNS.labels(kind, outcome).inc()
        metrics.WORKER_SECONDS.labels(kind).observe(time.monotonic() - started)


def drop_inherited_connections() -> None:
    """Let this process, which was forked, open connections of its own: the parent uses the others.

    Everything else of the container stays. Building it again would cost 0.1 s and 2 MiB, and its
    clients of Redis and HTTP see by themselves that the process is another one, or have never
    connected.
    """
    current_container().database.dispose(close=False)


def close_container() -> None:
    """Close the connections, and build a new container at the next use."""
    if current_container.cache_info().currsize:
        current_container().database.dispose()
        current_container.cache_clear()
