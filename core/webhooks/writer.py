"""The two threads behind an inbox: one writes what many hand in, one rings the bell afterwards.

They are apart so that a broker which hangs costs nobody an answer. Belongs to one process.
"""

import asyncio
import os
import time
from asyncio import AbstractEventLoop
from asyncio import Future as Awaited
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Any, TypeVar

import structlog

from core.errors import ServiceUnavailable
from db.session import Database, DatabaseUnavailable
from db.webhooks.insert import InsertResult, NewEvent, insert_events

MAX_WRITES_PER_COMMIT = 64  # letters in one statement
COMMIT_INTERVAL_SECONDS = (
    0.005  # seconds from one commit to the next, so that under load letters go together
)
WAKE_INTERVAL_SECONDS = (
    0.1  # seconds from one ring to the next; the first of an idle house is heard at once
)

log = structlog.get_logger(__name__)


class WriteRejected(Exception):
    """The database takes this letter in no company; its neighbours are stored all the same."""


@dataclass(frozen=True)
class PendingWrite:
    """What one request hands in, and the promise it waits for."""

    new_events: Sequence[NewEvent]
    future: Future[list[InsertResult]] = field(default_factory=Future)


class WriterThreads:
    """The queue, the thread that writes and the thread that rings."""

    def __init__(self, database: Database, wake: Callable[[str], None], capacity: int) -> None:
        self.pid = os.getpid()
        self.queue: Queue[PendingWrite | None] = Queue(capacity)
        self._connection = database.dedicated_connection()
        self._wake = wake
        self._has_new_events = Event()
        self._writer_stopped = Event()
        self._next_commit_at = 0.0
        self._threads = [
            Thread(target=work, name=f"inbox {work.__name__}", daemon=True)
            for work in (self._write_loop, self._wake_loop)
        ]
        for thread in self._threads:
            thread.start()

    def close(self, timeout: float) -> None:
        self.queue.put(None)
        for thread in self._threads:
            thread.join(timeout)

    def _write_loop(self) -> None:
        """While one commit is under way the next letters gather: the group makes itself."""
        is_running = True
        while is_running:
            pending_writes = [self.queue.get()]
            time.sleep(max(0.0, self._next_commit_at - time.monotonic()))
            self._next_commit_at = time.monotonic() + COMMIT_INTERVAL_SECONDS
            while len(pending_writes) < MAX_WRITES_PER_COMMIT and pending_writes[-1] is not None:
                try:
                    pending_writes.append(self.queue.get_nowait())
                except Empty:
                    break
            is_running = pending_writes[-1] is not None
            waiting = [
                pending_write
                for pending_write in pending_writes
                if pending_write and pending_write.future.set_running_or_notify_cancel()
            ]
            if waiting:
                self._store_batch(waiting)
        self._connection.close()
        self._writer_stopped.set()
        self._has_new_events.set()

    def _store_batch(self, pending_writes: list[PendingWrite]) -> None:
        """All in one transaction; one by one if the database refuses them together."""
        try:
            results_by_write = self._commit(pending_writes)
        except DatabaseUnavailable as unavailable:
            log.warning(
                "event_writer.database_unavailable",
                letters=len(pending_writes),
                why=str(unavailable),
            )
            for pending_write in pending_writes:
                pending_write.future.set_exception(unavailable)
        except Exception as error:
            self._store_each(pending_writes, error)
        else:
            for pending_write, results in zip(pending_writes, results_by_write, strict=True):
                pending_write.future.set_result(results)
            if any(one for results in results_by_write for one in results if not one.duplicate):
                self._has_new_events.set()

    def _store_each(self, pending_writes: list[PendingWrite], error: Exception) -> None:
        if len(pending_writes) > 1:
            for pending_write in pending_writes:
                self._store_batch([pending_write])
            return
        log.error("event_writer.write_rejected", error=type(error).__name__)
        pending_writes[0].future.set_exception(WriteRejected(type(error).__name__))

    def _commit(self, pending_writes: list[PendingWrite]) -> list[list[InsertResult]]:
        rows = [one for pending_write in pending_writes for one in pending_write.new_events]
        stored = iter(self._connection.run(lambda connection: insert_events(connection, rows)))
        return [
            [next(stored) for _ in pending_write.new_events] for pending_write in pending_writes
        ]

    def _wake_loop(self) -> None:
        """One ring for whatever was stored since the last one."""
        while self._has_new_events.is_set() or not self._writer_stopped.is_set():
            self._has_new_events.wait()
            self._has_new_events.clear()
            self._wake("webhooks")
            self._writer_stopped.wait(WAKE_INTERVAL_SECONDS)


# MERGED core.webhooks.landing: What threads finish comes back to an event loop, many results with one call of it.
#
# Each call into a loop from outside wakes it up; a group's results come together, so one is enough.

T = TypeVar("T")


class FutureBridge:
    """Of one loop. `_called` is only ever wrongly true while the loop is about to look anyway."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self._completed: deque[tuple[Awaited[Any], Future[Any]]] = deque()
        self._is_scheduled = False

    async def result(self, future: Future[T]) -> T:
        """As `future.result()`, for whoever must not block."""
        awaited: Awaited[T] = self.loop.create_future()
        future.add_done_callback(partial(self._on_done, awaited))
        return await awaited

    def _on_done(self, awaited: Awaited[Any], future: Future[Any]) -> None:
        """In the thread that finished it."""
        self._completed.append((awaited, future))
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon_threadsafe(self._deliver_results)

    def _deliver_results(self) -> None:
        self._is_scheduled = False
        while self._completed:
            awaited, future = self._completed.popleft()
            if awaited.done():  # nobody waits any more
                continue
            if error := future.exception():
                awaited.set_exception(error)
            else:
                awaited.set_result(future.result())


# MERGED core.webhooks.inbox: Notices are stored here, many requests with one commit. Must not know what a notice says.
#
# Whoever hands in waits, for a bounded time, until the commit that holds its notices is done: only
# then may they be acknowledged.

__all__ = ["EventWriter", "WriteRejected", "WriterBusy"]

WRITE_TIMEOUT = timedelta(seconds=2)
MAX_PENDING_WRITES = 1024  # letters that may wait; more of them would only wait in vain


class WriterBusy(ServiceUnavailable):
    """It could not be stored in time. Please deliver it again."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message, retry_after=WRITE_TIMEOUT)


class EventWriter:
    """One per process that hears. Its threads start with the first letter, after any fork."""

    def __init__(
        self,
        database: Database,
        wake: Callable[[str], None],
        *,
        timeout: timedelta = WRITE_TIMEOUT,
        capacity: int = MAX_PENDING_WRITES,
    ) -> None:
        self._database = database
        self._wake = wake
        self._timeout_seconds = timeout.total_seconds()
        self._capacity = capacity
        self._start_lock = Lock()
        self._threads: WriterThreads | None = None
        self._future_bridge: FutureBridge | None = None
        self._is_closed = False

    def write(self, new_events: Sequence[NewEvent]) -> list[InsertResult]:
        """Committed when this returns; in the order given.

        Errors: Busy if that takes too long or Postgres is away: it may or may not be stored, and
        the next delivery finds out. Refused if the database does not take these rows.
        """
        with self._enqueue_write(new_events) as pending_write:
            return pending_write.future.result(self._timeout_seconds)

    async def write_async(self, new_events: Sequence[NewEvent]) -> list[InsertResult]:
        """The same for a task of an event loop, which waits without a thread."""
        loop = asyncio.get_running_loop()
        if self._future_bridge is None or self._future_bridge.loop is not loop:
            self._future_bridge = FutureBridge(loop)
        with self._enqueue_write(new_events) as pending_write:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._future_bridge.result(pending_write.future)

    @contextmanager
    def _enqueue_write(self, new_events: Sequence[NewEvent]) -> Iterator[PendingWrite]:
        pending_write = PendingWrite(new_events)
        try:
            self._running_threads().queue.put_nowait(pending_write)
            yield pending_write
        except Full:
            raise WriterBusy("the inbox is full") from None
        except (TimeoutError, CancelledError):
            pending_write.future.cancel()  # if nobody has begun with it, nobody needs to
            raise WriterBusy("not stored in time") from None
        except DatabaseUnavailable as unavailable:
            raise WriterBusy("no database") from unavailable

    def close(self, timeout: timedelta = WRITE_TIMEOUT) -> None:
        """Store what was handed in before, then end both threads."""
        with self._start_lock:
            self._is_closed = True
        if self._threads is not None and self._threads.pid == os.getpid():
            self._threads.close(timeout.total_seconds())

    def _running_threads(self) -> WriterThreads:
        """This process's desk: the threads of another one do not survive a fork."""
        threads = self._threads
        if threads is not None and threads.pid == os.getpid() and not self._is_closed:
            return threads
        with self._start_lock:
            if self._is_closed:
                raise WriterBusy("the inbox is closed")
            if self._threads is None or self._threads.pid != os.getpid():
                self._threads = WriterThreads(self._database, self._wake, self._capacity)
            return self._threads
