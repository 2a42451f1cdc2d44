"""The faults that are switched on, and how many calls each still affects."""

import random
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

ANY_ENDPOINT = "*"
WEBHOOK_ENDPOINT = "webhook"  # the endpoint name of faults that affect deliveries
UNTIL_CLEARED = 0


@dataclass
class InjectedFault:
    """A fault for the calls of one endpoint.

    `times`: calls still to affect, 0 until cleared. `seconds`: delay, if not the kind's default.
    `work`: whether the call takes effect, if not the kind's default. `copies`: for `duplicate` and
    `shuffle`. `rate`: the share of calls that are affected. `fields`: for the odd shapes of a
    response, the fields to change, by name; for `graph_error`, what it says.
    """

    endpoint: str
    kind: str
    times: int = 1
    seconds: float | None = None
    work: bool | None = None
    copies: int = 2
    rate: float = 1.0
    fields: dict[str, Any] = field(default_factory=dict)


class FaultRegistry:
    def __init__(self) -> None:
        self._faults: list[InjectedFault] = []
        self._cleared = threading.Event()
        self._lock = threading.Lock()

    def add(self, fault: InjectedFault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all faults off, and let the calls go on that wait for `wait_until_cleared`."""
        with self._lock:
            self._faults.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def wait_until_cleared(self, seconds: float) -> None:
        with self._lock:
            cleared = self._cleared
        cleared.wait(seconds)

    def as_dicts(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def consume(self, endpoint: str) -> InjectedFault | None:
        """Return the oldest fault for this call and count it; `*` does not include deliveries."""
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
    return fault.rate >= 1.0 or random.random() < fault.rate  # noqa: S311 - faults, not secrets # nosec B311
