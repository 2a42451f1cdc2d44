"""Which faults are switched on, and how often still. Must not know how one is played."""

import random
import threading
from dataclasses import asdict, dataclass
from typing import Any

ANY = "*"
WEBHOOK = "webhook"  # the endpoint name under which deliveries ask for faults
UNTIL_CLEARED = 0


@dataclass
class Fault:
    """`times`: how often still, 0 until cleared. `work`: whether the call takes effect, if the
    kind's own habit is not wanted. `rate`: the share of calls it hits.
    """

    endpoint: str
    kind: str
    times: int = 1
    seconds: float | None = None
    work: bool | None = None
    copies: int = 2
    rate: float = 1.0


class Faults:
    def __init__(self) -> None:
        self._book: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._book.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._book.clear()

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._book]

    def take(self, endpoint: str) -> Fault | None:
        """The oldest fault for this call, counted down; `*` is any endpoint but the deliveries."""
        names = {endpoint} if endpoint == WEBHOOK else {endpoint, ANY}
        with self._lock:
            for fault in self._book:
                if fault.endpoint in names and hits(fault):
                    self._count(fault)
                    return fault
        return None

    def _count(self, fault: Fault) -> None:
        if fault.times != UNTIL_CLEARED:
            fault.times -= 1
            if fault.times == 0:
                self._book.remove(fault)


def hits(fault: Fault) -> bool:
    return fault.rate >= 1.0 or random.random() < fault.rate  # noqa: S311 - faults, not secrets
