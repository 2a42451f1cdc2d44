"""What threads finish comes back to an event loop, many results with one call of it.

Each call into a loop from outside wakes it up; a group's results come together, so one is enough.
"""

from asyncio import AbstractEventLoop
from asyncio import Future as Awaited
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Landing:
    """Of one loop. `_called` is only ever wrongly true while the loop is about to look anyway."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self._ended: deque[tuple[Awaited[Any], Future[Any]]] = deque()
        self._called = False

    async def result(self, future: Future[T]) -> T:
        """As `future.result()`, for whoever must not block."""
        awaited: Awaited[T] = self.loop.create_future()
        future.add_done_callback(partial(self._note, awaited))
        return await awaited

    def _note(self, awaited: Awaited[Any], future: Future[Any]) -> None:
        """In the thread that finished it."""
        self._ended.append((awaited, future))
        if not self._called:
            self._called = True
            self.loop.call_soon_threadsafe(self._land)

    def _land(self) -> None:
        self._called = False
        while self._ended:
            awaited, future = self._ended.popleft()
            if awaited.done():  # nobody waits any more
                continue
            if fault := future.exception():
                awaited.set_exception(fault)
            else:
                awaited.set_result(future.result())
