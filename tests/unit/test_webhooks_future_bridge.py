"""Results of threads are brought to an event loop, many with one call; late ones are ended."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.webhooks.writer import DEADLINE_CHECK_SECONDS, FutureBridge, WriterBusy
from db.session import DatabaseUnavailable

FUTURE_COUNT = 50
LONG_SECONDS = 20.0


class CountingLoop:
    """Wraps an event loop and counts calls from other threads."""

    def __init__(self, loop):
        self._loop = loop
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self._loop, name)

    def call_soon_threadsafe(self, callback):
        self.calls += 1
        self._loop.call_soon_threadsafe(callback)


def make_bridge(timeout_seconds=LONG_SECONDS):
    return FutureBridge(CountingLoop(asyncio.get_running_loop()), timeout_seconds)


def test_a_result_added_by_a_thread_is_returned():
    async def wait():
        bridge = make_bridge()
        future = bridge.create_future()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(bridge.add, future, ["done"])
        return await future

    assert asyncio.run(wait()) == ["done"]


@pytest.mark.parametrize(
    ("added", "raised"),
    [(ZeroDivisionError(), ZeroDivisionError), (DatabaseUnavailable("away"), WriterBusy)],
)
def test_an_error_is_raised_and_a_lost_database_is_busy(added, raised):
    async def wait():
        bridge = make_bridge()
        future = bridge.create_future()
        bridge.add(future, added)
        return await future

    with pytest.raises(raised):
        asyncio.run(wait())


def test_results_added_together_wake_the_loop_once():
    async def wait():
        bridge = make_bridge()
        futures = [bridge.create_future() for _ in range(FUTURE_COUNT)]
        for number, future in enumerate(futures):
            bridge.add(future, [number])
        return await asyncio.gather(*futures), bridge.loop.calls

    assert asyncio.run(wait()) == ([[number] for number in range(FUTURE_COUNT)], 1)


def test_what_waits_too_long_is_busy_and_does_not_affect_the_others():
    async def wait():
        bridge = make_bridge(timeout_seconds=0.05)
        late, in_time = bridge.create_future(), bridge.create_future()
        bridge.add(in_time, ["in time"])
        with pytest.raises(WriterBusy, match="not stored within"):
            await late
        bridge.add(late, ["too late"])
        await asyncio.sleep(0)
        return await in_time

    assert asyncio.run(wait()) == ["in time"]


def test_a_wait_that_ended_is_forgotten():
    """Or the list of waits would grow with every delivery."""

    async def wait():
        bridge = make_bridge()
        for _ in range(FUTURE_COUNT):
            bridge.add(bridge.create_future(), [])
        await asyncio.sleep(3 * DEADLINE_CHECK_SECONDS)
        return len(bridge._waiting)

    assert asyncio.run(wait()) == 0


def test_a_result_for_a_loop_that_was_closed_harms_nobody():
    """It would end the thread that stores deliveries."""

    async def begin_wait():
        bridge = make_bridge()
        return bridge, bridge.create_future()

    bridge, future = asyncio.run(begin_wait())
    bridge.add(future, ["too late"])
    assert not future.done()
