"""The smallest Celery application with our settings: its tasks only write that they were there."""

import logging
import os
import time
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

from celery import Celery
from celery.signals import worker_ready
from celery.worker import state

from tasks.queues import CANARY, TICK, WAKES
from tasks.settings import configuration
from tasks.watchdog import Watchdog, guard

logging.basicConfig(level=logging.INFO)  # our settings leave the root logger to us

EFFECTS = Path(os.environ["EFFECTS"])

app = Celery("little")
app.conf.update(configuration(os.environ["BROKER_URL"], os.environ["SIGNALPOST_ROLE"]))


def note(name):
    with (EFFECTS / name).open("a") as file:
        file.write("done\n")


def task(name, effect):
    @app.task(name=name)
    def done():
        note(effect)


for kind, wake in WAKES.items():
    task(wake, kind)
task(TICK, "tick")


@app.task(name=CANARY, bind=True)
def canary(self):
    note(f"canary-{self.request.delivery_info['routing_key']}")


@app.task(name="signalpost.long")
def long():
    """Ends when the test lets it."""
    note("began")
    while not (EFFECTS / "go-on").exists():
        time.sleep(0.02)
    note("ended")


class Around:
    """The watchdog's surroundings: canaries are files, and work is due if the test says so."""

    def age(self, queue):
        path = EFFECTS / f"canary-{queue}"
        return timedelta(seconds=time.time() - path.stat().st_mtime) if path.exists() else None

    def due(self, _queue):
        return (EFFECTS / "due").exists()

    def free(self):
        return len(state.active_requests) < 1

    def probe(self, queue):
        app.send_task(CANARY, queue=queue, expires=10)
        note("probed")

    def alive(self):
        note("alive")


def end():
    state.should_stop = 70


@worker_ready.connect
def watch(**_):
    if "SILENCE" not in os.environ:
        return
    watchdog = Watchdog(["posts"], Around(), silence=float(os.environ["SILENCE"]))
    orders = {"wait": Event().wait, "end": end, "period": 0.5}
    Thread(target=guard, args=(watchdog,), kwargs=orders, daemon=True).start()
