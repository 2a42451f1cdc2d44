"""Facts that are gathered in a thread of their own, so that a store that hangs blocks no view.

There is one gathering at a time, however many ask: a probe each second must not take a thread and a
connection each second while Postgres does not answer. Who asks gets the last facts with their age.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Generic, TypeVar

from db.session import DatabaseUnavailable

Fact = TypeVar("Fact")

FIRST_TIME_LIMIT = 1.8  # seconds; the first gathering of a process opens its connections


class StillRunning(Exception):
    """The call has not ended in time, or the one before it is still running."""


class SingleCall:
    """Runs one call at a time in a thread of its own. Later calls are refused until it has ended.

    A call that waits for a store that hangs cannot be interrupted, and must not take more threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._running: Future[object] | None = None

    def run(self, call: Callable[[], Fact], *, timeout: float) -> Fact:
        """Return the call's result, or raise its error. Errors: StillRunning.

        Units: `timeout` in seconds.
        """
        future = self.start(call)
        if not wait([future], timeout).done:
            raise StillRunning(f"no answer within {timeout:g} s")
        return future.result()

    def wait_until_idle(self, timeout: float) -> None:
        """Wait until the call has ended. Errors: StillRunning. Units: `timeout` in seconds."""
        if self._running is not None and not wait([self._running], timeout).done:
            raise StillRunning(f"the call before it has not ended within {timeout:g} s")

    def start(self, call: Callable[[], Fact]) -> Future[Fact]:
        """Start the call and do not wait for it. Errors: StillRunning."""
        future: Future[Fact] = Future()
        with self._lock:
            if self._running is not None and not self._running.done():
                raise StillRunning("the call before it has not ended")
            self._running = future  # type: ignore[assignment]  # only `done` is asked of it
        Thread(target=run_into, args=(future, call), name=self._name, daemon=True).start()
        return future


def run_into(future: "Future[Fact]", call: Callable[[], Fact]) -> None:
    """Run the call and store its result, or its error, in the future."""
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
        future.set_exception(error)


@dataclass(frozen=True)
class KnownFact(Generic[Fact]):
    """The last value, None if there was none yet, and its age in seconds.

    `is_current`: it was gathered for this question; otherwise what gathers it does not answer.
    """

    value: Fact | None
    age: float | None
    is_current: bool


class KnownFacts(Generic[Fact]):
    """Facts of one source: gathered again when they are older than `max_age`, which may depend on
    what was gathered.

    Units: seconds. `time_limit` is how long after its start a gathering is awaited; who asks
    later, while it still runs, gets the last facts at once.
    """

    def __init__(
        self,
        name: str,
        gather: Callable[[], Fact],
        *,
        max_age: float | Callable[[Fact], float],
        time_limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call = SingleCall(name)
        self._gather = gather
        self._find_max_age = max_age if callable(max_age) else lambda _fact: max_age
        self._time_limit = time_limit
        self._clock = clock
        self._lock = Lock()
        self._gathering: Future[Fact] | None = None
        self._began_at = 0.0
        self._last: tuple[Fact, float] | None = None  # the value, and when it was gathered

    def prepare(self) -> None:
        """Begin to gather, if that is due, so that several sources are asked at the same time."""
        with self._lock:
            self._begin_if_due()

    def read(self) -> KnownFact[Fact]:
        """Return the facts within `time_limit`; those of before if the database is away.

        Errors: any other error of gathering.
        """
        with self._lock:
            gathering = self._begin_if_due()
            limit = self._time_limit if self._last is not None else FIRST_TIME_LIMIT
            seconds_left = self._began_at + max(limit, self._time_limit) - self._clock()
        if gathering is None:
            return self._describe(is_current=True)
        if not wait([gathering], max(seconds_left, 0.0)).done:
            return self._describe(is_current=False)
        try:
            gathering.result()
        except DatabaseUnavailable:
            return self._describe(is_current=False)
        return self._describe(is_current=True)

    def _begin_if_due(self) -> "Future[Fact] | None":
        """Return the gathering to wait for; None if the last facts are young enough."""
        if self._gathering is not None and not self._gathering.done():
            return self._gathering
        if self._last is not None:
            value, gathered_at = self._last
            if self._clock() - gathered_at < self._find_max_age(value):
                return None
        self._began_at = self._clock()
        self._gathering = self._call.start(self._gather_and_keep)
        return self._gathering

    def _gather_and_keep(self) -> Fact:
        value = self._gather()
        self._last = (value, self._clock())
        return value

    def _describe(self, *, is_current: bool) -> KnownFact[Fact]:
        if self._last is None:
            return KnownFact(None, None, is_current)
        value, gathered_at = self._last
        return KnownFact(value, max(self._clock() - gathered_at, 0.0), is_current)
