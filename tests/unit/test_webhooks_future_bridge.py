"""Results of threads are brought to an event loop, many with one call."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from core.webhooks.writer import FutureBridge

FUTURE_COUNT = 50


class CountingLoop:
    """Wraps an event loop and counts calls from other threads."""

    def __init__(self, loop):
        self._loop = loop
        self.calls = 0

    def create_future(self):
        return self._loop.create_future()

    def call_soon_threadsafe(self, callback):
        self.calls += 1
        self._loop.call_soon_threadsafe(callback)


def test_a_result_set_by_a_thread_is_returned():
    async def wait():
        future = Future()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(future.set_result, "done")
        return await FutureBridge(asyncio.get_running_loop()).wait_for(future)

    assert asyncio.run(wait()) == "done"


def test_an_exception_set_by_a_thread_is_raised():
    async def wait():
        future = Future()
        future.set_exception(ZeroDivisionError())
        await FutureBridge(asyncio.get_running_loop()).wait_for(future)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(wait())


def test_results_set_together_wake_the_loop_once():
    async def wait():
        loop = CountingLoop(asyncio.get_running_loop())
        bridge, futures = FutureBridge(loop), [Future() for _ in range(FUTURE_COUNT)]
        waiting = [asyncio.ensure_future(bridge.wait_for(future)) for future in futures]
        await asyncio.sleep(0)
        for number, future in enumerate(futures):
            future.set_result(number)
        return await asyncio.gather(*waiting), loop.calls

    assert asyncio.run(wait()) == (list(range(FUTURE_COUNT)), 1)


def test_a_timed_out_waiter_does_not_affect_the_others():
    async def wait():
        bridge = FutureBridge(asyncio.get_running_loop())
        timed_out, completed = Future(), Future()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bridge.wait_for(timed_out), 0)
        waiting = asyncio.ensure_future(bridge.wait_for(completed))
        await asyncio.sleep(0)
        timed_out.set_result("too late")
        completed.set_result("in time")
        return await waiting

    assert asyncio.run(wait()) == "in time"
