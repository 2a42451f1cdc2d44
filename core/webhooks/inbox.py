"""Notices are stored here, many requests with one commit. Must not know what a notice says.

Whoever hands in waits, for a bounded time, until the commit that holds its notices is done: only
then may they be acknowledged.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from datetime import timedelta
from queue import Full
from threading import Lock

from core.errors import Away
from core.webhooks.desk import Desk, Letter, Refused
from core.webhooks.landing import Landing
from db.arrivals import Arrival, Stored
from db.session import Database, StoreAway

__all__ = ["Busy", "Inbox", "Refused"]

PATIENCE = timedelta(seconds=2)
CAPACITY = 1024  # letters that may wait; more of them would only wait in vain


class Busy(Away):
    """It could not be stored in time. Please deliver it again."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message, retry_after=PATIENCE)


class Inbox:
    """One per process that hears. Its threads start with the first letter, after any fork."""

    def __init__(
        self,
        database: Database,
        ring: Callable[[str], None],
        *,
        patience: timedelta = PATIENCE,
        capacity: int = CAPACITY,
    ) -> None:
        self._database = database
        self._ring = ring
        self._patience = patience.total_seconds()
        self._capacity = capacity
        self._opening = Lock()
        self._desk: Desk | None = None
        self._landing: Landing | None = None
        self._closed = False

    def put(self, arrivals: Sequence[Arrival]) -> list[Stored]:
        """Committed when this returns; in the order given.

        Errors: Busy if that takes too long or Postgres is away: it may or may not be stored, and
        the next delivery finds out. Refused if the database does not take these rows.
        """
        with self._handed_in(arrivals) as letter:
            return letter.stored.result(self._patience)

    async def brought(self, arrivals: Sequence[Arrival]) -> list[Stored]:
        """The same for a task of an event loop, which waits without a thread."""
        loop = asyncio.get_running_loop()
        if self._landing is None or self._landing.loop is not loop:
            self._landing = Landing(loop)
        with self._handed_in(arrivals) as letter:
            async with asyncio.timeout(self._patience):
                return await self._landing.result(letter.stored)

    @contextmanager
    def _handed_in(self, arrivals: Sequence[Arrival]) -> Iterator[Letter]:
        letter = Letter(arrivals)
        try:
            self._open().letters.put_nowait(letter)
            yield letter
        except Full:
            raise Busy("the inbox is full") from None
        except (TimeoutError, CancelledError):
            letter.stored.cancel()  # if nobody has begun with it, nobody needs to
            raise Busy("not stored in time") from None
        except StoreAway as away:
            raise Busy("no database") from away

    def close(self, timeout: timedelta = PATIENCE) -> None:
        """Store what was handed in before, then end both threads."""
        with self._opening:
            self._closed = True
        if self._desk is not None and self._desk.pid == os.getpid():
            self._desk.close(timeout.total_seconds())

    def _open(self) -> Desk:
        """This process's desk: the threads of another one do not survive a fork."""
        desk = self._desk
        if desk is not None and desk.pid == os.getpid() and not self._closed:
            return desk
        with self._opening:
            if self._closed:
                raise Busy("the inbox is closed")
            if self._desk is None or self._desk.pid != os.getpid():
                self._desk = Desk(self._database, self._ring, self._capacity)
            return self._desk
