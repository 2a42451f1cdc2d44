"""The platform under load, in a process of its own: an order on stdin, all answers on stdout.

Closed: so many senders, each waits for its answer. Open: at a fixed rate whatever is answered,
and delays count from when a letter was due, so that a stall is not hidden by senders that wait.
"""

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict
from urllib.parse import urlsplit

from bench.letters import body, signature
from bench.line import Line
from bench.orders import Answer, Order, Told

TRIES = 2  # a kept connection may be closed just as it is used; the platform sends again too
PATIENCE = 30.0  # seconds for the last answers


class Sender:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.answers: list[Answer] = []
        self.again = 0
        self._address = urlsplit(order.url)
        self._at = self._address.hostname or "", self._address.port or 0
        self._idle: list[Line] = []
        self._epoch = time.time() - time.perf_counter()
        self._gate = asyncio.Semaphore(order.connections)

    async def closed(self) -> None:
        """As many at a time as there are connections."""
        end = time.perf_counter() + self.order.seconds
        numbers = iter(range(1, self.order.most + 1))

        async def one_after_another() -> None:
            for number in numbers:
                if time.perf_counter() >= end:
                    return
                await self.deliver(number, time.perf_counter())

        await asyncio.gather(*(one_after_another() for _ in range(self.order.connections)))

    async def open(self, rate: float) -> None:
        """One after each interval; who finds no free connection waits for one, and it counts."""
        began = time.perf_counter()
        count = min(self.order.most, int(self.order.seconds * rate))
        under_way = []
        for number in range(1, count + 1):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            under_way.append(asyncio.ensure_future(self.deliver(number, due)))
        await asyncio.gather(*under_way)

    async def deliver(self, number: int, due: float) -> None:
        async with self._gate:
            status = await self.exchange(self.message(number))
        at = time.perf_counter()
        self.answers.append(Answer(number, self._epoch + due, self._epoch + at, status))

    def message(self, number: int) -> bytes:
        letter = body(self.order.prefix, number, self.order.client_key)
        head = (
            f"POST {self._address.path} HTTP/1.1\r\nHost: {self._address.netloc}\r\n"
            "Content-Type: application/json\r\nUser-Agent: bench\r\n"
            f"TikTok-Signature: {signature(letter, self.order.secret)}\r\n"
            f"Content-Length: {len(letter)}\r\n\r\n"
        )
        return head.encode() + letter

    async def exchange(self, message: bytes) -> int:
        for _ in range(TRIES):
            try:
                line = await self.line()
                status = await line.ask(message)
            except ConnectionError:
                self.again += 1
                continue
            if line.open:
                self._idle.append(line)
            return status
        return 0

    async def line(self) -> Line:
        """The one used last: the others may rest until the server closes them."""
        while self._idle:
            line = self._idle.pop()
            if line.open:
                return line
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(Line, *self._at)
        return line


async def send(order: Order) -> Told:
    sender = Sender(order)
    load = sender.closed() if order.rate is None else sender.open(order.rate)
    await asyncio.wait_for(load, order.seconds + PATIENCE)
    return Told(tuple(sender.answers), sender.again, time.process_time())


def main() -> None:
    gc.disable()  # for seconds only, and its pauses would be taken for the server's
    order = Order(**json.load(sys.stdin))
    json.dump(asdict(asyncio.run(send(order))), sys.stdout)


if __name__ == "__main__":
    main()
