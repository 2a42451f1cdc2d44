"""What a task needs around it: our memory and the world, built once per process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from core.config.settings import load
from core.engine.kinds import Report, Work
from core.engine.work import run
from core.watch import metrics, telemetry
from core.wiring import World, build_database, build_world
from db.due import Row
from db.session import Database
from tasks.bell import ring

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

STINT = 1.0  # seconds in which a task goes on claiming; other kinds wait for it as long
SWEEP = 1.0  # seconds; a lease lasts for many


@dataclass(frozen=True)
class House:
    database: Database
    world: World


@cache
def house() -> House:
    """Connects to nothing yet: a pool opens its first connection when it is first asked."""
    settings = load()
    return House(
        database=build_database(settings, role=settings.role),
        world=build_world(settings, ring=ring),
    )


_swept: dict[str, float] = {}


def sweeps(kind: str) -> bool:
    """Whether lapsed leases are looked for this time: bells may come by the dozen a second."""
    now = time.monotonic()
    if now - _swept.get(kind, -SWEEP) < SWEEP:
        return False
    _swept[kind] = now
    return True


def do(work: Work[Row, Job, Outcome], *, stint: float = STINT) -> Report:
    """What is due of one kind, with this process's house around it. Counted, under a fresh id."""
    telemetry.correlate(None)
    with timed(work.kind):
        report = run(work, house().database, house().world, sweeps=sweeps(work.kind), stint=stint)
    metrics.RETRIES.labels(work.kind).inc(report.failed)
    metrics.CLAIMS_LOST.labels(work.kind).inc(report.fenced)
    return report


@contextmanager
def timed(worker: str) -> Iterator[None]:
    """One run of a worker: how long it took, and whether it came to its end."""
    began = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        metrics.WORKER_RUNS.labels(worker, outcome).inc()
        metrics.WORKER_SECONDS.labels(worker).observe(time.monotonic() - began)


def forget(*, close: bool) -> None:
    """Build anew at the next use. After a fork `close` is False: the parent still talks there."""
    if house.cache_info().currsize:
        house().database.dispose(close=close)
        house.cache_clear()
