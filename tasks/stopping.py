"""Stops a worker that gets SIGTERM: it takes no more tasks, finishes what it has begun, and ends.

Celery's own stop with a time limit sleeps for the whole limit as soon as one task runs. Ours ends
with the last task, and tells the pool's processes to begin nothing more.
"""

import mmap
import os
import signal
import sys
import time
from contextlib import suppress
from threading import Thread, main_thread
from threading import enumerate as enumerate_threads
from traceback import extract_stack
from typing import Any

from celery import bootsteps
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from celery.worker import state
from kombu.asynchronous import get_event_loop

from core.observability.raw_output import write_notice

STOP_LIMIT = 10.0  # seconds for tasks that run; then they are stopped, and claimed again by others
CHILD_LIMIT = 1.0  # seconds from then on for the pool's processes; then they are killed
EXIT_LIMIT = 3.0  # seconds from then on for the worker's end
REPORTED_FRAMES = 6  # of each thread, the innermost ones


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


class StopSignals:
    """Handles SIGTERM, and SIGQUIT until the event loop runs: both then begin an orderly stop.

    Celery's handler of SIGQUIT, which with REMAP_SIGTERM is that of SIGTERM as well, stops the pool
    wherever the worker is. While it starts, the next step then fails for want of a pool.
    """

    def __init__(self) -> None:
        self._main_pid = os.getpid()
        self._celery_handlers: dict[int, Any] = {}
        self._is_loop_running = False

    def install_handlers(self) -> None:
        self._main_pid = os.getpid()
        for number in (signal.SIGTERM, signal.SIGQUIT):
            self._celery_handlers[number] = signal.signal(number, self._begin_stop)

    def return_handlers(self) -> None:
        """The loop runs: from now on SIGQUIT and a second SIGTERM stop the tasks that run."""
        self._is_loop_running = True
        self._return_handler(signal.SIGQUIT)
        if stop_requested.is_on():
            self._return_handler(signal.SIGTERM)

    def _begin_stop(self, *_: Any) -> None:
        if os.getpid() != self._main_pid:
            return  # a process of the pool, which the main process stops
        if self._is_loop_running:
            self._return_handler(signal.SIGTERM)
        if not stop_requested.is_on():
            stop_requested.turn_on()
            state.should_stop = os.EX_OK  # type: ignore[assignment]  # the stubs type it by its initial value
            Thread(target=end_within_limits, name="stop", daemon=True).start()

    def _return_handler(self, number: int) -> None:
        signal.signal(number, self._celery_handlers[number])


stop_signals = StopSignals()


class InstallStopSignals(bootsteps.StartStopStep):
    """A step of the worker's start, after Celery has installed its own handlers."""

    def start(self, _worker: Any) -> None:
        stop_signals.install_handlers()


@worker_init.connect
def add_start_step(sender: Any, **_: Any) -> None:
    sender.app.steps["worker"].add(InstallStopSignals)


@worker_ready.connect
def await_loop(**_: Any) -> None:
    """The worker is about to run its event loop, whose first round returns the handlers."""
    loop = get_event_loop()
    if loop is None:
        stop_signals.return_handlers()
    else:
        loop.call_soon(stop_signals.return_handlers)


def end_within_limits() -> None:
    """Have the main loop notice the stop now. After the limit, stop the tasks, and then the rest.

    What returns unfinished tasks to their queue is Celery's stop at SIGQUIT. It then waits for the
    pool's processes, however long those wait for the call that one of their threads has begun.
    """
    worker_shutting_down.send(sender=None, sig="SIGTERM", how="Warm", exitcode=os.EX_OK)
    loop = get_event_loop()
    if loop is not None:
        loop.call_soon(lambda: None)
    time.sleep(STOP_LIMIT)
    os.kill(os.getpid(), signal.SIGQUIT)
    time.sleep(CHILD_LIMIT)
    kill_pool_processes()
    time.sleep(EXIT_LIMIT)
    report_threads()
    os._exit(1)


def report_threads() -> None:
    """Write what each thread waits for, past the log's handlers: one may hold their lock.

    A line for each thread, the main thread first.
    """
    names = {thread.ident: thread.name for thread in enumerate_threads()}
    frames = sys._current_frames()  # noqa: SLF001 - documented
    for number in sorted(frames, key=lambda each: each != main_thread().ident):
        places = [
            f"{place.filename}:{place.lineno} {place.name}"
            for place in extract_stack(frames[number])[-REPORTED_FRAMES:]
        ]
        name = names.get(number, number)
        write_notice(f"the worker did not end in time; its thread {name} waits in {places}")


def kill_pool_processes() -> None:
    """Kill the processes that are left of the pool: their rows are claimed again by others."""
    import psutil  # noqa: PLC0415 - 2 MiB that a worker needs here only

    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            process.kill()


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
