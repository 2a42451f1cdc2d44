"""The lines that are open: those at rest, and who of all has something to say. Sends no letters."""

import selectors
from collections.abc import Iterator

from bench.line import Line


class Lines:
    """`exact` wakes by microseconds; otherwise by whole milliseconds, which costs less."""

    def __init__(self, at: tuple[str, int], *, exact: bool) -> None:
        self._at = at
        self._idle: list[Line] = []
        self._ears = selectors.SelectSelector() if exact else selectors.DefaultSelector()

    def greet(self, count: int, greeting: bytes) -> None:
        """So many are open and known to the server before anything is measured.

        Some servers take new lines one by one between their requests.
        """
        lines = [self._new() for _ in range(count)]
        for line in lines:
            line.ask(greeting)
        for line in lines:
            while line.hear() is None:
                pass
            self.rest(line)

    def take(self) -> Line:
        """The one used last: the others may rest until the server closes them."""
        return self._idle.pop() if self._idle else self._new()

    def rest(self, line: Line) -> None:
        if line.open:
            self._idle.append(line)
        else:
            self.hang_up(line)

    def hang_up(self, line: Line) -> None:
        if line in self._idle:
            self._idle.remove(line)
        self._ears.unregister(line)
        line.close()

    def ready(self, within: float) -> Iterator[Line]:
        """Those that were answered or cut, after so many seconds at most.

        One may be hung up on while those before it are heard.
        """
        for key, _ in self._ears.select(within):
            if key.data.open:
                yield key.data

    def _new(self) -> Line:
        line = Line(self._at)
        self._ears.register(line, selectors.EVENT_READ, line)
        return line
