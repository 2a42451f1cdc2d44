"""What a task needs around it: our memory and the world, built once per process."""

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
from core.observability import metrics, telemetry
from db.leases import Row
from db.session import Database
from tasks.notifier import wake

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

TIME_BUDGET = 1.0  # seconds in which a task goes on claiming; other kinds wait for it as long
EXPIRED_CHECK_INTERVAL = 1.0  # seconds; a lease lasts for many


@dataclass(frozen=True)
class WorkerContainer:
    database: Database
    services: Services


@cache
def current_container() -> WorkerContainer:
    """Connects to nothing yet: a pool opens its first connection when it is first asked."""
    settings = load_settings()
    return WorkerContainer(
        database=build_database(settings, role=settings.role),
        services=build_services(settings, wake=wake),
    )


_last_expired_check: dict[str, float] = {}


def should_claim_expired(kind: str) -> bool:
    """Whether lapsed leases are looked for this time: bells may come by the dozen a second."""
    now = time.monotonic()
    if now - _last_expired_check.get(kind, -EXPIRED_CHECK_INTERVAL) < EXPIRED_CHECK_INTERVAL:
        return False
    _last_expired_check[kind] = now
    return True


def run_job(job_type: JobType[Row, Job, Outcome], *, time_budget: float = TIME_BUDGET) -> RunReport:
    """What is due of one kind, with this process's house around it. Counted, under a fresh id."""
    telemetry.bind_correlation_id(None)
    with measure_run(job_type.kind):
        report = run_jobs(
            job_type,
            current_container().database,
            current_container().services,
            include_expired=should_claim_expired(job_type.kind),
            time_budget=time_budget,
        )
    metrics.RETRIES.labels(job_type.kind).inc(report.failed)
    metrics.STALE_LEASES.labels(job_type.kind).inc(report.stale_leases)
    return report


@contextmanager
def measure_run(worker: str) -> Iterator[None]:
    """One run of a worker: how long it took, and whether it came to its end."""
    started = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        metrics.WORKER_RUNS.labels(worker, outcome).inc()
        metrics.WORKER_SECONDS.labels(worker).observe(time.monotonic() - started)


def reset_container(*, close: bool) -> None:
    """Build anew at the next use. After a fork `close` is False: the parent still talks there."""
    if current_container.cache_info().currsize:
        current_container().database.dispose(close=close)
        current_container.cache_clear()
