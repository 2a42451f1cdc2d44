"""A minimal Celery application with our settings; its tasks only write a line to a file."""

import logging
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state

from tasks import stopping
from tasks.queues import CANARY_TASK, MESSAGE_EXPIRY, SWEEP_TASK, TICK_TASK, WAKE_TASKS
from tasks.settings import build_configuration
from tasks.watchdog import Watchdog, run_watchdog

logging.basicConfig(level=logging.INFO)  # our Celery settings do not configure the root logger

LONG_CALL_SECONDS = 60.0  # above all limits of a stop
EFFECTS_FOLDER = Path(os.environ["EFFECTS"])

app = Celery("test", control="tasks.queue_types:QueueTypeControl")
app.conf.update(
    build_configuration(
        os.environ["BROKER_URL"],
        os.environ["SIGNALPOST_ROLE"],
        queue_type=os.environ.get("BROKER_QUEUE_TYPE", "classic"),
    )
)
stopping.STOP_LIMIT = float(os.environ.get("STOP_LIMIT", stopping.STOP_LIMIT))


class SignalAtLine(logging.Handler):
    """Sends this process a signal when it logs a line with these words, as `SIGTERM:words` says."""

    def __init__(self, moment):
        super().__init__()
        signal_name, _, self.words = moment.partition(":")
        self.number = signal.Signals[signal_name]

    def emit(self, record):
        if self.words in record.getMessage():
            os.kill(os.getpid(), self.number)


if "SIGNAL_AT_LINE" in os.environ:
    logging.getLogger().addHandler(SignalAtLine(os.environ["SIGNAL_AT_LINE"]))


def record_effect(name):
    with (EFFECTS_FOLDER / name).open("a") as file:
        file.write("done\n")


def register_task(name, effect):
    @app.task(name=name)
    def run():
        record_effect(effect)


for kind, wake in WAKE_TASKS.items():
    register_task(wake, kind)
register_task(TICK_TASK, "tick")


@app.task(name=SWEEP_TASK)
def wake_every_kind():
    """Wake all kinds, as if rows of each were due."""
    for kind, task in WAKE_TASKS.items():
        app.send_task(task, queue=kind, expires=MESSAGE_EXPIRY)


@app.task(name=CANARY_TASK, bind=True)
def receive_canary(self):
    record_effect(f"canary-{self.request.delivery_info['routing_key']}")


@app.task(name="signalpost.long")
def run_until_released():
    """Run until the test creates the file `go-on`."""
    record_effect("started")
    while not (EFFECTS_FOLDER / "go-on").exists():
        time.sleep(0.02)
    record_effect("ended")


@app.task(name="signalpost.deaf")
def wait_for_a_call():
    """Wait for a thread that calls another server, as `core/jobs/executor.py` does: at its end the
    process waits for the call too.
    """
    threads = ThreadPoolExecutor(1)
    record_effect("started")
    try:
        wait([threads.submit(time.sleep, LONG_CALL_SECONDS)])
    finally:
        threads.shutdown()


class FileWorkerProbe:
    """A `WorkerProbe`: canaries are files, and work is due if the test created the file `due`."""

    def canary_age(self, queue):
        path = EFFECTS_FOLDER / f"canary-{queue}"
        return timedelta(seconds=time.time() - path.stat().st_mtime) if path.exists() else None

    def has_due_work(self, _queue):
        return (EFFECTS_FOLDER / "due").exists()

    def has_free_process(self):
        return len(state.active_requests) < 1

    def send_canary(self, queue):
        app.send_task(CANARY_TASK, queue=queue, expires=10)
        record_effect("probed")

    def record_alive(self):
        record_effect("alive")


@worker_shutting_down.connect
def record_stop(**_):
    record_effect("stopping")


def stop_worker():
    state.should_stop = 70


@worker_ready.connect
def start_watchdog(**_):
    if "STUCK_AFTER" not in os.environ:
        return
    watchdog = Watchdog(["posts"], FileWorkerProbe(), stuck_after=float(os.environ["STUCK_AFTER"]))
    options = {"wait_for_shutdown": Event().wait, "on_stuck": stop_worker, "period": 0.5}
    Thread(target=run_watchdog, args=(watchdog,), kwargs=options, daemon=True).start()
