"""Sends prepared letters over kept connections and notes each answer. One thread, no framework:
what sends shares the cores with what is measured.
"""

import time
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.letters import greeting, written
from bench.line import Line
from bench.lines import Lines
from bench.orders import Answer, Order

TRIES = 2  # a kept connection may be closed just as it is used; the platform sends again too
PATIENCE = 30.0  # seconds for the last answers


class Sent(NamedTuple):
    """A letter under way, due at `due` of the monotonic clock, sent so many times."""

    number: int
    due: float
    tries: int = 1


class Sender:
    """Closed: so many lines, each waits for its answer. Open: each letter when it is due."""

    def __init__(self, order: Order) -> None:
        address = urlsplit(order.url)
        self.order = order
        self.answers: list[Answer] = []
        self.again = 0
        self._letters = written(order)
        self._next = 1
        self._busy: dict[Line, Sent] = {}
        at = address.hostname or "", address.port or 0
        self._lines = Lines(at, exact=order.rate is not None)

    def greet(self) -> None:
        """Before a closed phase: all its lines will be used at once."""
        self._lines.greet(self.order.connections, greeting(self.order))

    def run(self) -> None:
        self._began = time.perf_counter()
        self._epoch = time.time() - self._began
        self._send_due()
        while self._busy or not self._over():
            assert self._passed() < self.order.seconds + PATIENCE, "the last answers did not come"
            for line in self._lines.ready(self._pause()):
                self._hear(line)
            self._send_due()

    def _over(self) -> bool:
        if self._next > self.order.most:
            return True
        return self.order.rate is None and self._passed() >= self.order.seconds

    def _passed(self) -> float:
        return time.perf_counter() - self._began

    def _due(self) -> float:
        """Of the next letter, by the monotonic clock."""
        rate = self.order.rate
        return self._began + self._next / rate if rate else time.perf_counter()

    def _pause(self) -> float:
        """Who finds no free line waits for one, and it counts."""
        if self._over() or len(self._busy) >= self.order.connections:
            return PATIENCE
        return max(0.0, self._due() - time.perf_counter())

    def _send_due(self) -> None:
        while len(self._busy) < self.order.connections and not self._over():
            due = self._due()
            if due > time.perf_counter():
                return
            self._send(Sent(self._next, due))
            self._next += 1

    def _send(self, sent: Sent) -> None:
        line = self._lines.take()
        self._busy[line] = sent
        try:
            line.ask(self._letters[sent.number - 1])
        except ConnectionError:
            self._cut(line)

    def _hear(self, line: Line) -> None:
        try:
            status = line.hear()
        except ConnectionError:
            self._cut(line)
            return
        if status is not None and line in self._busy:
            self._note(self._busy.pop(line), status)
            self._lines.rest(line)

    def _cut(self, line: Line) -> None:
        """By the other side: what was under way on it goes out again."""
        self._lines.hang_up(line)
        sent = self._busy.pop(line, None)
        if sent is None:
            return
        if sent.tries < TRIES:
            self.again += 1
            self._send(sent._replace(tries=sent.tries + 1))
        else:
            self._note(sent, 0)

    def _note(self, sent: Sent, status: int) -> None:
        at = time.perf_counter()
        self.answers.append(Answer(sent.number, self._epoch + sent.due, self._epoch + at, status))
