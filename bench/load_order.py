"""What the generator is told, and what it tells afterwards. Plain values that travel as JSON."""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class LoadOrder:
    """One phase of load. Numbers run from 1; with a `rate` nobody waits for earlier answers."""

    url: str
    prefix: str
    max_deliveries: int
    seconds: float
    connections: int
    client_key: str
    secret: str = field(repr=False)
    rate: float | None = None


class DeliveryResponse(NamedTuple):
    """Times are seconds since 1970; `due` is when it was to be sent. Status 0: no answer."""

    number: int
    due_at: float
    answered_at: float
    status: int

    @property
    def is_acknowledged(self) -> bool:
        return self.status == 200


class LoadReport(NamedTuple):
    """`again` counts deliveries whose connection was closed under them and were sent once more.

    `cpu_seconds` were spent while the load ran: the letters were written before.
    """

    answers: tuple[DeliveryResponse, ...]
    resent_count: int
    cpu_seconds: float
