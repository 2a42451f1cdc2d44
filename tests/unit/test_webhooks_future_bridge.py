"""Results of threads, brought into a loop."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from core.webhooks.writer import FutureBridge

FUTURE_COUNT = 50


class CountingLoop:
    """A real one that counts how often it was called from outside."""

    def __init__(self, loop):
        self._loop = loop
        self.calls = 0

    def create_future(self):
        return self._loop.create_future()

    def call_soon_threadsafe(self, what):
        self.calls += 1
        self._loop.call_soon_threadsafe(what)


def test_what_a_thread_finishes_is_the_result():
    async def wait():
        future = Future()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(future.set_result, "done")
        return await FutureBridge(asyncio.get_running_loop()).result(future)

    assert asyncio.run(wait()) == "done"


def test_what_a_thread_fails_with_is_raised():
    async def wait():
        future = Future()
        future.set_exception(ZeroDivisionError())
        await FutureBridge(asyncio.get_running_loop()).result(future)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(wait())


def test_results_that_come_together_wake_the_loop_once():
    async def wait():
        loop = CountingLoop(asyncio.get_running_loop())
        landing, futures = FutureBridge(loop), [Future() for _ in range(FUTURE_COUNT)]
        waiting = [asyncio.ensure_future(landing.result(future)) for future in futures]
        await asyncio.sleep(0)
        for number, future in enumerate(futures):
            future.set_result(number)
        return await asyncio.gather(*waiting), loop.calls

    assert asyncio.run(wait()) == (list(range(FUTURE_COUNT)), 1)


def test_who_no_longer_waits_keeps_nobody_from_their_result():
    async def wait():
        landing, gone, there = FutureBridge(asyncio.get_running_loop()), Future(), Future()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(landing.result(gone), 0)
        waiting = asyncio.ensure_future(landing.result(there))
        await asyncio.sleep(0)
        gone.set_result("too late")
        there.set_result("in time")
        return await waiting

    assert asyncio.run(wait()) == "in time"
