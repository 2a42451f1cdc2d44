"""Stores webhook events in groups: deliveries that wait at the same time share one commit.

The flow: a request puts a `PendingWrite` into the queue and waits for its future. The writer
thread takes what has gathered, stores it with one statement and sets the futures. The wake thread
then wakes the workers; it is a separate thread, so that a broker that hangs delays no delivery.
Acknowledge a delivery only after `write` or `write_async` has returned.
"""

import asyncio
import time
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread

import structlog

from core.errors import ServiceUnavailable
from core.process_id import CurrentProcess
from db.session import Database, DatabaseUnavailable
from db.webhooks.insert import InsertResult, NewEvent, insert_events

WRITE_TIMEOUT = timedelta(seconds=2)
MAX_PENDING_WRITES = 1024  # deliveries in the queue: as many as are stored in WRITE_TIMEOUT
MAX_WRITES_PER_COMMIT = 64  # deliveries in one statement
COMMIT_INTERVAL_SECONDS = 0.005  # at least, between commits: under load deliveries gather meanwhile
WAKE_INTERVAL_SECONDS = 0.1  # at least, between messages; the first one is sent at once
SIGNAL_INTERVAL_SECONDS = 0.01  # at least, between signals to a worker that listens
DEADLINE_CHECK_SECONDS = 0.1  # between two looks for deliveries that have waited too long

log = structlog.get_logger(__name__)


class WriterBusy(ServiceUnavailable):
    """The delivery could not be stored in time. Please deliver it again."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message, retry_after=WRITE_TIMEOUT)


class WriteRejected(Exception):
    """The database refuses the rows of this delivery; those stored with it are not affected."""


Outcome = list[InsertResult] | Exception
"""What became of the events of one delivery."""


@dataclass(frozen=True, slots=True)
class ThreadWrite:
    """The events of one delivery for which a thread waits."""

    new_events: Sequence[NewEvent]
    future: Future[list[InsertResult]] = field(default_factory=Future)

    def begin(self) -> bool:
        """Whether somebody still waits. From now on it cannot be cancelled."""
        return self.future.set_running_or_notify_cancel()

    def finish(self, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


@dataclass(frozen=True, slots=True)
class LoopWrite:
    """The events of one delivery for which a task of an event loop waits."""

    new_events: Sequence[NewEvent]
    future: asyncio.Future[list[InsertResult]]
    bridge: "FutureBridge"

    def begin(self) -> bool:
        """Whether somebody still waits."""
        return not self.future.done()

    def finish(self, outcome: Outcome) -> None:
        self.bridge.add(self.future, outcome)


PendingWrite = ThreadWrite | LoopWrite


class EventWriter:
    """Stores webhook events; one per process. Its threads start with the first delivery.

    They start that late because threads do not survive a fork of the process.
    """

    def __init__(
        self,
        database: Database,
        wake: Callable[[str], None],
        *,
        send_signal: Callable[[], bool] = lambda: False,
        timeout: timedelta = WRITE_TIMEOUT,
        capacity: int = MAX_PENDING_WRITES,
    ) -> None:
        """`send_signal` tells a worker that listens, and returns whether one does; else `wake` is
        called, which sends a message.
        """
        self._database = database
        self._wake = wake
        self._send_signal = send_signal
        self._timeout_seconds = timeout.total_seconds()
        self._capacity = capacity
        self._start_lock = Lock()
        self._threads: WriterThreads | None = None
        self._future_bridge: FutureBridge | None = None
        self._is_closed = False

    def write(self, new_events: Sequence[NewEvent]) -> list[InsertResult]:
        """Store the events and return once they are committed; results in the order given.

        Errors: WriterBusy if that takes too long or Postgres cannot be reached. Then it is not
        known whether the events were stored; a redelivery finds out. WriteRejected if the database
        refuses these rows.
        """
        pending_write = ThreadWrite(new_events)
        self._enqueue_write(pending_write)
        try:
            return pending_write.future.result(self._timeout_seconds)
        except (TimeoutError, CancelledError):
            pending_write.future.cancel()  # not stored if it is still in the queue
            raise build_late_error(self._timeout_seconds) from None
        except DatabaseUnavailable as unavailable:
            raise build_unavailable_error(unavailable) from unavailable

    async def write_async(
        self, new_events: Sequence[NewEvent], loop: AbstractEventLoop
    ) -> list[InsertResult]:
        """Store the events as `write` does, without occupying a thread while waiting."""
        bridge = self._future_bridge
        if bridge is None or bridge.loop is not loop:
            bridge = self._future_bridge = FutureBridge(loop, self._timeout_seconds)
        future = bridge.create_future()
        self._enqueue_write(LoopWrite(new_events, future, bridge))
        return await future

    def close(self, timeout: timedelta = WRITE_TIMEOUT) -> None:
        """Store what is in the queue, then end both threads. Later writes raise WriterBusy."""
        with self._start_lock:
            self._is_closed = True
        if self._threads is not None and self._threads.pid == CurrentProcess.id:
            self._threads.close(timeout.total_seconds())

    def _enqueue_write(self, pending_write: PendingWrite) -> None:
        """Put the events into the queue. Errors: WriterBusy if it is full."""
        queue = self._running_threads().queue
        if queue.qsize() >= self._capacity:
            raise WriterBusy(f"{self._capacity} deliveries are waiting: queue full")
        queue.put(pending_write)

    def _running_threads(self) -> "WriterThreads":
        """Return this process's threads; start them if they do not run yet."""
        threads = self._threads
        if threads is not None and threads.pid == CurrentProcess.id and not self._is_closed:
            return threads
        with self._start_lock:
            if self._is_closed:
                raise WriterBusy("the event writer is closed: the process is stopping")
            if self._threads is None or self._threads.pid != CurrentProcess.id:
                self._threads = WriterThreads(self._database, self._wake, self._send_signal)
            return self._threads


class WriterThreads:
    """The queue of one process, the thread that stores, and the thread that wakes workers."""

    def __init__(
        self, database: Database, wake: Callable[[str], None], send_signal: Callable[[], bool]
    ) -> None:
        self.pid = CurrentProcess.id
        self.queue: SimpleQueue[PendingWrite | None] = SimpleQueue()  # None ends the writer thread
        self._connection = database.dedicated_connection()
        self._wake = wake
        self._send_signal = send_signal
        self._next_wake_at = 0.0
        self._has_new_events = Event()
        self._writer_stopped = Event()
        self._next_commit_at = 0.0
        self._threads = [
            Thread(target=self._run_writer, name="webhook-event-writer", daemon=True),
            Thread(target=self._run_waker, name="webhook-event-waker", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self, timeout: float) -> None:
        self.queue.put(None)
        for thread in self._threads:
            thread.join(timeout)

    def _run_writer(self) -> None:
        """Store group after group: what arrives during one commit makes the next group."""
        is_running = True
        while is_running:
            group = self._take_group()
            is_running = group[-1] is not None  # None ends a group, and the thread
            waiting = [
                pending_write for pending_write in group if pending_write and pending_write.begin()
            ]
            if waiting:
                self._store_group(waiting)
        self._connection.close()
        self._writer_stopped.set()
        self._has_new_events.set()

    def _take_group(self) -> list[PendingWrite | None]:
        """Wait for a delivery and for the next commit, then take what is in the queue by then."""
        group = [self.queue.get()]
        time.sleep(max(0.0, self._next_commit_at - time.monotonic()))
        self._next_commit_at = time.monotonic() + COMMIT_INTERVAL_SECONDS
        while len(group) < MAX_WRITES_PER_COMMIT and group[-1] is not None:
            try:
                group.append(self.queue.get_nowait())
            except Empty:
                break
        return group

    def _store_group(self, group: list[PendingWrite]) -> None:
        """Store the group in one transaction; one by one if the database refuses it."""
        try:
            results_by_write = self._commit(group)
        except DatabaseUnavailable as unavailable:
            log.warning(
                "event_writer.database_unavailable", deliveries=len(group), error=str(unavailable)
            )
            for pending_write in group:
                pending_write.finish(unavailable)
        except Exception as error:  # noqa: BLE001 - each delivery gets its own error
            self._store_each(group, error)
        else:
            for pending_write, results in zip(group, results_by_write, strict=True):
                pending_write.finish(results)
            if any(not result.duplicate for results in results_by_write for result in results):
                self._has_new_events.set()

    def _store_each(self, group: list[PendingWrite], error: Exception) -> None:
        """Store the deliveries of a refused group one by one.

        A delivery that is refused by itself is rejected.
        """
        if len(group) > 1:
            for pending_write in group:
                self._store_group([pending_write])
            return
        log.error("event_writer.write_rejected", error=type(error).__name__)
        group[0].finish(WriteRejected(type(error).__name__))

    def _commit(self, group: list[PendingWrite]) -> list[list[InsertResult]]:
        """Insert the events of all writes with one statement; return the results per write."""
        rows = [event for pending_write in group for event in pending_write.new_events]
        results = iter(self._connection.run(lambda connection: insert_events(connection, rows)))
        return [[next(results) for _ in pending_write.new_events] for pending_write in group]

    def _run_waker(self) -> None:
        """Let workers know once of all events stored since the last time."""
        while self._has_new_events.is_set() or not self._writer_stopped.is_set():
            self._has_new_events.wait()
            self._has_new_events.clear()
            if not self._send_signal():
                self._wake_worker()
            self._writer_stopped.wait(SIGNAL_INTERVAL_SECONDS)

    def _wake_worker(self) -> None:
        """Send a message, or try again in a moment: the worker of the last one may listen then."""
        if time.monotonic() < self._next_wake_at and not self._writer_stopped.is_set():
            self._has_new_events.set()
            return
        self._wake("webhooks")
        self._next_wake_at = time.monotonic() + WAKE_INTERVAL_SECONDS


class FutureBridge:
    """Brings results of threads to one event loop, many of them with one call, and ends late ones.

    Each `call_soon_threadsafe` wakes the loop. The results of a group are added together, so one
    call is enough for all of them. `_is_scheduled` is reset first, before the results are taken,
    so that a result added meanwhile schedules another call.
    """

    def __init__(self, loop: AbstractEventLoop, timeout_seconds: float) -> None:
        self.loop = loop
        self._timeout_seconds = timeout_seconds
        self._completed: deque[tuple[asyncio.Future[list[InsertResult]], Outcome]] = deque()
        self._is_scheduled = False
        # the oldest first: one timer for all of them, because nearly all are done in time
        self._waiting: deque[tuple[float, asyncio.Future[list[InsertResult]]]] = deque()

    def create_future(self) -> asyncio.Future[list[InsertResult]]:
        """Return a future of the loop. Errors, on waiting for it: WriterBusy after the timeout."""
        future: asyncio.Future[list[InsertResult]] = self.loop.create_future()
        if not self._waiting:
            self.loop.call_later(DEADLINE_CHECK_SECONDS, self._end_late_waits)
        self._waiting.append((self.loop.time() + self._timeout_seconds, future))
        return future

    def add(self, future: asyncio.Future[list[InsertResult]], outcome: Outcome) -> None:
        """Queue a result for the loop. Runs in the thread that has it, which it never ends."""
        self._completed.append((future, outcome))
        if not self._is_scheduled:
            self._is_scheduled = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(self._deliver_results)

    def _deliver_results(self) -> None:
        """Set all queued results. Runs in the loop."""
        self._is_scheduled = False
        while self._completed:
            future, outcome = self._completed.popleft()
            if future.done():  # its waiter has timed out, or has been cancelled
                continue
            if isinstance(outcome, DatabaseUnavailable):
                future.set_exception(build_unavailable_error(outcome))
            elif isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _end_late_waits(self) -> None:
        """End the waits that have taken too long. What is still in the queue is then not stored."""
        now = self.loop.time()
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= now):
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(build_late_error(self._timeout_seconds))
        if self._waiting:
            self.loop.call_later(DEADLINE_CHECK_SECONDS, self._end_late_waits)


def build_late_error(timeout_seconds: float) -> WriterBusy:
    return WriterBusy(f"not stored within {timeout_seconds:g} s")


def build_unavailable_error(unavailable: DatabaseUnavailable) -> WriterBusy:
    error = WriterBusy("the database cannot be reached")
    error.__cause__ = unavailable
    return error
