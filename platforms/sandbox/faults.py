"""Which faults are switched on, and how often still. Must not know how one is played."""

import random
import threading
from dataclasses import asdict, dataclass
from typing import Any

ANY_ENDPOINT = "*"
WEBHOOK_ENDPOINT = "webhook"  # the endpoint name under which deliveries ask for faults
UNTIL_CLEARED = 0


@dataclass
class InjectedFault:
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


class FaultRegistry:
    def __init__(self) -> None:
        self._faults: list[InjectedFault] = []
        self._lock = threading.Lock()

    def add(self, fault: InjectedFault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def as_dicts(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def consume(self, endpoint: str) -> InjectedFault | None:
        """The oldest fault for this call, counted down; `*` is any endpoint but the deliveries."""
        names = {endpoint} if endpoint == WEBHOOK_ENDPOINT else {endpoint, ANY_ENDPOINT}
        with self._lock:
            for fault in self._faults:
                if fault.endpoint in names and should_hit(fault):
                    self._count_down(fault)
                    return fault
        return None

    def _count_down(self, fault: InjectedFault) -> None:
        if fault.times != UNTIL_CLEARED:
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)


def should_hit(fault: InjectedFault) -> bool:
    return fault.rate >= 1.0 or random.random() < fault.rate
