"""What happens when a worker starts, forks and stops. Wires; decides nothing."""

import gc
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import structlog
from billiard.common import REMAP_SIGTERM
from celery.signals import (
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from celery.worker import state

from core import accounts, insights, outbox, posts, webhooks
from core.engine.kinds import Work
from db.beats import Beats
from tasks import context
from tasks.celery import app
from tasks.queues import CANARY, EXPIRES
from tasks.watchdog import Watchdog, guard

DEAF = 70
"""Exit code of a worker that its watchdog ended; any but zero makes a supervisor restart it."""

LAST_WORD = 10.0  # seconds a deaf worker has to stop in order

KINDS: dict[str, Work[Any, Any, Any]] = {
    "webhooks": webhooks.WORK,
    "accounts": accounts.WORK,
    "posts": posts.WORK,
    "uploads": posts.UPLOADS,
    "insights": insights.WORK,
    "outbox": outbox.WORK,
}

log = structlog.get_logger(__name__)
stopping = Event()


@dataclass(frozen=True)
class Around:
    """The watchdog's surroundings in a real worker's main process."""

    worker: Any

    def age(self, queue: str) -> timedelta | None:
        with context.house().database.transaction() as session:
            return Beats(session).age(f"canary:{queue}")

    def due(self, queue: str) -> bool:
        if queue not in KINDS:
            return False
        with context.house().database.transaction() as session:
            return KINDS[queue].queue.oldest(session) is not None

    def free(self) -> bool:
        return bool(len(state.active_requests) < self.worker.concurrency)

    def probe(self, queue: str) -> None:
        app.send_task(CANARY, queue=queue, expires=EXPIRES)

    def alive(self) -> None:
        with context.house().database.transaction() as session:
            Beats(session).touch(f"alive:{self.worker.hostname}")


@worker_process_init.connect
def after_fork(**_: Any) -> None:
    """A child must not speak on its parent's connections, nor search its modules for garbage."""
    context.forget(close=False)
    gc.freeze()  # half a million objects of imports: to walk them took a fifth of a batch


@worker_process_shutdown.connect
def child_ends(**_: Any) -> None:
    context.forget(close=True)


@worker_ready.connect
def worker_starts(sender: Any, **_: Any) -> None:
    """Set the watchdog beside the worker; it looks from the main process, where the deafness is."""
    if REMAP_SIGTERM != "SIGQUIT":
        log.warning("worker.waits_without_limit", hint="start it with REMAP_SIGTERM=SIGQUIT")
    watchdog = Watchdog(tuple(app.amqp.queues.consume_from), Around(sender.controller))
    orders = {"wait": stopping.wait, "end": end}
    Thread(target=guard, args=(watchdog,), kwargs=orders, name="watchdog", daemon=True).start()


@worker_shutting_down.connect
def worker_stops(**_: Any) -> None:
    stopping.set()


def end() -> None:
    """Stop in order with a code that is not zero; without order if the main loop hangs too."""
    state.should_stop = DEAF  # type: ignore[assignment]  # the stubs know its first value alone
    time.sleep(LAST_WORD)
    os._exit(DEAF)
