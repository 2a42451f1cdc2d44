"""Stops a worker that gets SIGTERM: it takes no more tasks, finishes what it has begun, and ends.

Celery's own stop with a time limit sleeps for the whole limit as soon as one task runs. Ours ends
with the last task, and tells the pool's processes to begin nothing more.
"""

import mmap
import os
import signal
import sys
import time
from threading import Thread
from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from celery.worker import state
from kombu.asynchronous import get_event_loop

STOP_LIMIT = 10.0  # seconds for tasks that run; then they are stopped, and claimed again by others
EXIT_LIMIT = 3.0  # seconds from then on for the worker's end


class SharedFlag:
    """A flag that processes share which are forked after it was made."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def turn_on(self) -> None:
        self._memory[0] = 1

    def is_on(self) -> bool:
        return self._memory[0] == 1


stop_requested = SharedFlag()
"""Whether the worker is to stop: its processes then finish the batch they have, and return."""


@worker_ready.connect
def install_stop_handler(**_: Any) -> None:
    """Handle SIGTERM once; the next one is Celery's again, and stops tasks that run."""
    celery_handler = signal.getsignal(signal.SIGTERM)

    def begin_stop(*_: Any) -> None:
        signal.signal(signal.SIGTERM, celery_handler)
        stop_requested.turn_on()
        state.should_stop = os.EX_OK  # type: ignore[assignment]  # the stubs type it by its initial value
        Thread(target=end_within_limits, name="stop", daemon=True).start()

    signal.signal(signal.SIGTERM, begin_stop)


def end_within_limits() -> None:
    """Have the main loop notice the stop now. After the limit, stop the tasks, and then the rest.

    What returns unfinished tasks to their queue is Celery's stop at SIGQUIT.
    """
    worker_shutting_down.send(sender=None, sig="SIGTERM", how="Warm", exitcode=os.EX_OK)
    loop = get_event_loop()
    if loop is not None:
        loop.call_soon(lambda: None)
    time.sleep(STOP_LIMIT)
    os.kill(os.getpid(), signal.SIGQUIT)
    time.sleep(EXIT_LIMIT)
    os._exit(1)


@worker_shutdown.connect
def end_main_process(sender: Any, **_: Any) -> None:
    """End the main process: its tasks, pool and connections are closed by now.

    billiard would wait another half second for results of processes that are gone.
    """
    end_process(sender.exitcode or os.EX_OK)


def end_pool_process(exit_code: int) -> None:
    """End a process of a pool that stops, at its end. billiard would let it sleep for a second, so
    that the main process learns of its death; that waits for just this.
    """
    if stop_requested.is_on():
        end_process(exit_code)


def end_process(exit_code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
