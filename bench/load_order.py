"""What the load generator gets and what it reports: plain values that travel as JSON."""

from dataclasses import dataclass, field
from typing import NamedTuple

HTTP_OK = 200


@dataclass(frozen=True)
class LoadOrder:
    """One phase of load. Deliveries are numbered from 1.

    With a `rate` (per second) they are sent when due, without waiting for earlier responses.
    """

    url: str
    prefix: str
    max_deliveries: int
    seconds: float
    connections: int
    client_key: str
    secret: str = field(repr=False)
    rate: float | None = None


class DeliveryResponse(NamedTuple):
    """Times are seconds since 1970; `due_at` is when it was to be sent. Status 0: no response."""

    number: int
    due_at: float
    answered_at: float
    status: int

    @property
    def is_acknowledged(self) -> bool:
        """TikTok takes 200 as the acknowledgement, any other status as a failure."""
        return self.status == HTTP_OK


class LoadReport(NamedTuple):
    """The responses of one phase.

    `resent_count` counts deliveries sent again because their connection was closed. `cpu_seconds`
    are the generator's while the load ran; building the deliveries is not included.
    """

    answers: tuple[DeliveryResponse, ...]
    resent_count: int
    cpu_seconds: float
