"""The two threads behind an inbox: one writes what many hand in, one rings the bell afterwards.

They are apart so that a broker which hangs costs nobody an answer. Belongs to one process.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Event, Thread

import structlog

from db.arrivals import Arrival, Stored, store
from db.session import Database, StoreAway

TOGETHER = 64  # letters in one statement
PACE = 0.005  # seconds from one commit to the next, so that under load letters go together
ECHO = 0.1  # seconds from one ring to the next; the first of an idle house is heard at once

log = structlog.get_logger(__name__)


class Refused(Exception):
    """The database takes this letter in no company; its neighbours are stored all the same."""


@dataclass(frozen=True)
class Letter:
    """What one request hands in, and the promise it waits for."""

    arrivals: Sequence[Arrival]
    stored: Future[list[Stored]] = field(default_factory=Future)


class Desk:
    """The queue, the thread that writes and the thread that rings."""

    def __init__(self, database: Database, ring: Callable[[str], None], capacity: int) -> None:
        self.pid = os.getpid()
        self.letters: Queue[Letter | None] = Queue(capacity)
        self._kept = database.kept()
        self._ring = ring
        self._news = Event()
        self._ended = Event()
        self._paced = 0.0
        self._threads = [
            Thread(target=work, name=f"inbox {work.__name__}", daemon=True)
            for work in (self._write, self._announce)
        ]
        for thread in self._threads:
            thread.start()

    def close(self, timeout: float) -> None:
        self.letters.put(None)
        for thread in self._threads:
            thread.join(timeout)

    def _write(self) -> None:
        """While one commit is under way the next letters gather: the group makes itself."""
        more = True
        while more:
            letters = [self.letters.get()]
            time.sleep(max(0.0, self._paced - time.monotonic()))
            self._paced = time.monotonic() + PACE
            while len(letters) < TOGETHER and letters[-1] is not None:
                try:
                    letters.append(self.letters.get_nowait())
                except Empty:
                    break
            more = letters[-1] is not None
            waited_for = [
                letter
                for letter in letters
                if letter and letter.stored.set_running_or_notify_cancel()
            ]
            if waited_for:
                self._store(waited_for)
        self._kept.close()
        self._ended.set()
        self._news.set()

    def _store(self, letters: list[Letter]) -> None:
        """All in one transaction; one by one if the database refuses them together."""
        try:
            answers = self._commit(letters)
        except StoreAway as away:
            log.warning("inbox.away", letters=len(letters), why=str(away))
            for letter in letters:
                letter.stored.set_exception(away)
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to whom it concerns
            self._store_apart(letters, error)
        else:
            for letter, answer in zip(letters, answers, strict=True):
                letter.stored.set_result(answer)
            if any(one for answer in answers for one in answer if not one.duplicate):
                self._news.set()

    def _store_apart(self, letters: list[Letter], error: Exception) -> None:
        if len(letters) > 1:
            for letter in letters:
                self._store([letter])
            return
        log.error("inbox.refused", error=type(error).__name__)
        letters[0].stored.set_exception(Refused(type(error).__name__))

    def _commit(self, letters: list[Letter]) -> list[list[Stored]]:
        rows = [one for letter in letters for one in letter.arrivals]
        stored = iter(self._kept.run(lambda connection: store(connection, rows)))
        return [[next(stored) for _ in letter.arrivals] for letter in letters]

    def _announce(self) -> None:
        """One ring for whatever was stored since the last one."""
        while self._news.is_set() or not self._ended.is_set():
            self._news.wait()
            self._news.clear()
            self._ring("webhooks")
            self._ended.wait(ECHO)
