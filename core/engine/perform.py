"""The middle of the engine: jobs performed, by as many threads as their kind has. Holds no row."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Generic

from core.engine.kinds import Hand, Job, Outcome, Work
from core.outcomes import Failure, Later, failure
from core.wiring import World
from db.due import Row

TOGETHER = 0.01  # seconds an answer waits for those that come with it, to be recorded with them

More = Callable[[int], list[Hand[Job]]]


def no_more(_room: int) -> list[Hand[Any]]:
    return []


class Supply(Generic[Job]):
    """The claims of one shift: a first batch, filled up again for a `stint` of seconds before any
    thread has nothing to do, since the slowest answer must not keep the others waiting.
    """

    def __init__(self, take: Callable[[int], list[Hand[Job]]], *, stint: float) -> None:
        self._take, self._end = take, time.monotonic() + stint
        self.claimed, self.is_left = 0, False

    def claim(self, room: int) -> list[Hand[Job]]:
        hands = self._take(room)
        self.claimed, self.is_left = self.claimed + len(hands), len(hands) == room
        return hands

    def more(self, room: int) -> list[Hand[Job]]:
        return self.claim(room) if self.is_left and time.monotonic() < self._end else []


def perform_all(
    work: Work[Row, Job, Outcome],
    hands: list[Hand[Job]],
    world: World,
    more: More[Job] = no_more,
) -> Iterator[list[tuple[Hand[Job], Outcome | Failure | Later]]]:
    """Results as they come, all that are there at once: those are recorded before more is waited
    for, so that a kill costs no answer that somebody had time to write down.

    First those that need no performance: who is to be parked must not wait for others' calls.
    """
    idle = [hand for hand in hands if isinstance(hand.job, Failure | Later)]
    busy = [hand for hand in hands if not isinstance(hand.job, Failure | Later)]
    one = partial(performed, work, world)
    if idle:
        told = list(map(one, idle))
        yield told
    if work.pool > 1 and len(busy) > 1:
        yield from by_threads(work, busy, world, more)
    elif work.plain:  # calls nobody
        results = list(map(one, busy))
        yield results
    else:
        yield from one_by_one(work, busy, one, more)


def one_by_one(
    work: Work[Row, Job, Outcome],
    hands: list[Hand[Job]],
    one: Callable[[Hand[Job]], tuple[Hand[Job], Outcome | Failure | Later]],
    more: More[Job],
) -> Iterator[list[tuple[Hand[Job], Outcome | Failure | Later]]]:
    """Each is recorded before the next begins: what became due by it is found at once."""
    while hands:
        for result in map(one, hands):
            yield [result]
        hands = more(work.batch)


def by_threads(
    work: Work[Row, Job, Outcome], hands: list[Hand[Job]], world: World, more: More[Job]
) -> Iterator[list[tuple[Hand[Job], Outcome | Failure | Later]]]:
    threads = ThreadPoolExecutor(work.pool, thread_name_prefix=work.kind)

    def begin(hand: Hand[Job]) -> Future[Any]:
        return threads.submit(performed, work, world, hand)

    try:
        waiting = set(map(begin, hands))
        while waiting:
            first, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            others, waiting = wait(waiting, timeout=TOGETHER)
            yield [future.result() for future in first | others]
            if len(waiting) <= work.batch - work.pool:
                waiting |= set(map(begin, more(work.batch - len(waiting))))
    finally:
        threads.shutdown(cancel_futures=True)  # out of time, or nowhere to write: begin no more


def performed(
    work: Work[Row, Job, Outcome], world: World, hand: Hand[Job]
) -> tuple[Hand[Job], Outcome | Failure | Later]:
    return hand, perform(work, hand, world)


def perform(
    work: Work[Row, Job, Outcome], hand: Hand[Job], world: World
) -> Outcome | Failure | Later:
    if isinstance(hand.job, Failure | Later):
        return hand.job
    try:
        return work.perform(hand.job, world)
    except Later as later:
        return later
    except Exception as error:  # noqa: BLE001 - whatever it is becomes the recorded outcome
        return failure(error, work.kind, hand.id)
