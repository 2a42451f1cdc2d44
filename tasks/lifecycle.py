"""Handlers of Celery's signals for a worker's start, fork and shutdown; one starts its watchdog."""

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import celery.platforms
from celery.apps import worker
from celery.signals import (
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from celery.worker import state

from core.config.garbage_collection import exclude_loaded_objects
from core.config.parent_death import die_with_parent
from core.config.settings import load_settings
from core.health.initial_counts import create_initial_series
from core.observability import metrics, tracing
from core.observability.raw_output import is_output_json, write_notice
from db.base import complete_tables
from db.ops.heartbeats import QUEUES_PREFIX, Heartbeats
from tasks import runtime
from tasks.alive_file import AliveFile
from tasks.celery import app
from tasks.metrics_server import start_metrics_server
from tasks.queues import CANARY_TASK, MESSAGE_EXPIRY, WAKE_TASKS
from tasks.stopping import end_pool_process
from tasks.watchdog import Watchdog, run_watchdog
from tasks.work import JOB_QUEUES

STUCK_WORKER_EXIT_CODE = 70
"""Exit code of a worker that its watchdog has stopped; not 0, so that a supervisor restarts it."""

SHUTDOWN_GRACE = 10.0  # seconds a stuck worker has for an orderly shutdown

KINDS_BY_TASK = {task: kind for kind, task in WAKE_TASKS.items()}

shutdown_requested = Event()


@dataclass
class CeleryWorkerProbe:
    """The `WorkerProbe` of a Celery worker's main process.

    `recorded_kinds`: what it was last seen to run; None before the first look.
    """

    worker: Any
    alive_file: AliveFile
    recorded_kinds: frozenset[str] | None = None

    def canary_age(self, queue: str) -> timedelta | None:
        with runtime.current_container().database.transaction() as session:
            return Heartbeats(session).age(f"canary:{queue}")

    def has_due_work(self, queue: str) -> bool:
        if queue not in JOB_QUEUES:
            return False
        with runtime.current_container().database.transaction() as session:
            return JOB_QUEUES[queue].oldest_due_at(session) is not None

    def has_free_process(self) -> bool:
        return bool(len(state.active_requests) < self.worker.concurrency)

    def send_canary(self, queue: str) -> None:
        app.send_task(CANARY_TASK, queue=queue, expires=MESSAGE_EXPIRY)

    def record_alive(self) -> None:
        self.alive_file.touch()
        name, ages = self.worker.hostname, find_running_kinds()
        queues = ",".join(sorted(app.amqp.queues.consume_from))
        with runtime.current_container().database.transaction() as session:
            Heartbeats(session).record(f"alive:{name}", f"{QUEUES_PREFIX}{queues}:{name}")
            if ages or self.recorded_kinds != ages.keys():
                Heartbeats(session).replace_runs(name, ages)
        self.recorded_kinds = frozenset(ages)


def find_running_kinds() -> dict[str, timedelta]:
    """Return the kinds of work that this worker's processes run now, and for how long."""
    now = runtime.current_container().services.now().timestamp()
    ages: dict[str, timedelta] = {}
    for request in list(state.active_requests):
        kind, started = KINDS_BY_TASK.get(request.task_name), request.time_start
        if kind is not None and started:
            age = timedelta(seconds=max(now - started, 0.0))
            ages[kind] = max(age, ages.get(kind, age))
    return ages


@worker_init.connect
def log_shutdown_notices(**_: Any) -> None:
    """Celery writes that it shuts down past every handler, to be safe in handlers of signals."""
    if is_output_json():
        worker.safe_say = write_notice  # type: ignore[attr-defined]  # the stubs lack it


@worker_init.connect
def create_series(**_: Any) -> None:
    create_initial_series()


@worker_init.connect
def load_before_fork(**_: Any) -> None:
    """Load what the child processes, which are forked next, would each load: they share it.

    billiard has each child parse a declaration in C, with libraries of 6 MiB, to call `prctl`.
    """
    celery.platforms._set_pdeathsig = die_with_parent  # type: ignore[attr-defined]  # noqa: SLF001
    complete_tables()
    runtime.current_container()
    exclude_loaded_objects()


@worker_process_init.connect
def reset_after_fork(**_: Any) -> None:
    """Drop the parent's connections, and exclude its modules from garbage collection.

    The new child usually replaces one whose counts are kept.
    """
    runtime.drop_inherited_connections()
    metrics.merge_files_of_dead_processes()
    tracing.start_tracing(load_settings())
    exclude_loaded_objects()  # walking them took a fifth of a batch's time


@worker_process_shutdown.connect
def close_child_connections(exitcode: int, **_: Any) -> None:
    tracing.stop_tracing()
    runtime.close_container()
    end_pool_process(exitcode)


@worker_ready.connect
def watch_worker(sender: Any, **_: Any) -> None:
    """Serve metrics, and start the watchdog: in the main process, which is the one that stops
    receiving messages.
    """
    settings = load_settings()
    start_metrics_server(settings)
    probe = CeleryWorkerProbe(sender.controller, AliveFile(settings.role))
    watchdog = Watchdog(tuple(app.amqp.queues.consume_from), probe)
    options = {"wait_for_shutdown": shutdown_requested.wait, "on_stuck": stop_worker}
    Thread(
        target=run_watchdog, args=(watchdog,), kwargs=options, name="watchdog", daemon=True
    ).start()


@worker_shutting_down.connect
def request_shutdown(**_: Any) -> None:
    shutdown_requested.set()


def stop_worker() -> None:
    """Shut down in order with exit code 70; kill the process if its main loop hangs too."""
    state.should_stop = STUCK_WORKER_EXIT_CODE  # type: ignore[assignment]  # the stubs type it by its initial value
    time.sleep(SHUTDOWN_GRACE)
    os._exit(STUCK_WORKER_EXIT_CODE)
