"""Bodies that are received on the event loop: deadlines, bounds, and what is held in memory."""

import asyncio

import pytest
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestTimeout

from app.http.body_receipt import BodyReceiver, BodyRule

FAST_RULE = BodyRule(10, step_timeout=0.2, total_timeout=1.0)
LIMIT = 1000


class BodySender:
    """Sends chunks with pauses before them (seconds), and then no more."""

    def __init__(self, *chunks, pause=0.0, is_complete=True):
        self.messages = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        if is_complete and self.messages:
            self.messages[-1]["more_body"] = False
        self.pause = pause

    async def receive(self):
        await asyncio.sleep(self.pause)
        return self.messages.pop(0) if self.messages else await asyncio.Event().wait()


def receive_all(*senders, receiver=None):
    """The bodies of these senders, received at the same time, or the errors instead."""

    async def run():
        bodies = receiver or BodyReceiver(check_interval=0.01)
        tasks = [bodies.receive_body(each.receive, LIMIT, rule=FAST_RULE) for each in senders]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(run())


def test_a_body_in_chunks_is_joined():
    assert receive_all(BodySender(b"one ", b"", b"two")) == [b"one two"]


def test_a_body_that_stops_is_ended_and_another_one_is_not():
    stopped, slow = receive_all(
        BodySender(b"one", is_complete=False), BodySender(*[b"x" * 10] * 6, pause=0.1)
    )
    assert isinstance(stopped, RequestTimeout)
    assert "did not arrive in time" in stopped.description
    assert slow == b"x" * 60  # longer than a step, but it moves


def test_a_body_that_moves_too_slowly_for_too_long_is_ended():
    (too_long,) = receive_all(BodySender(*[b"x" * 10] * 40, pause=0.1))
    assert isinstance(too_long, RequestTimeout)


def test_a_body_that_grows_too_large_is_refused_with_the_limit():
    (too_large,) = receive_all(BodySender(b"x" * LIMIT, b"x"))
    assert isinstance(too_large, RequestEntityTooLarge)
    assert str(LIMIT) in too_large.description


def test_a_client_that_leaves_is_noticed():
    sender = BodySender(b"x", is_complete=False)
    sender.messages.append({"type": "http.disconnect"})
    assert isinstance(receive_all(sender)[0], ClientDisconnected)


def test_beyond_a_number_of_unfinished_bodies_the_oldest_is_ended():
    receiver = BodyReceiver(max_bodies=2, check_interval=0.01)
    senders = [BodySender(b"x", b"y", pause=0.05) for _ in range(3)]
    oldest, *others = receive_all(*senders, receiver=receiver)
    assert isinstance(oldest, RequestTimeout)
    assert others == [b"xy", b"xy"]


def test_beyond_a_number_of_held_bytes_the_oldest_is_ended():
    receiver = BodyReceiver(max_held_bytes=150, check_interval=0.01)
    oldest, newest = receive_all(
        BodySender(b"x" * 100, b"x", pause=0.05),
        BodySender(b"y" * 100, pause=0.07),
        receiver=receiver,
    )
    assert isinstance(oldest, RequestTimeout)
    assert newest == b"y" * 100
    assert not receiver.is_crowded or receiver._held_bytes == 100
    receiver.release_bytes(100)
    assert receiver._held_bytes == 0


def test_a_request_that_is_cancelled_from_elsewhere_is_cancelled():
    async def run():
        receiver = BodyReceiver(check_interval=0.01)
        task = asyncio.ensure_future(
            receiver.receive_body(BodySender(is_complete=False).receive, LIMIT, rule=FAST_RULE)
        )
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
