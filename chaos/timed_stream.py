"""The stream of deliveries, with the time of each answer."""

import json
import time
from dataclasses import dataclass, field

from tests.flows.brokers import wait_until
from tests.flows.webhook_burst import post_delivery
from tests.flows.webhook_stream import DeliveryStream
from tests.support.tiktok_webhooks import build_envelope

ACKNOWLEDGED = 200  # the status of an accepted delivery


@dataclass(frozen=True)
class TimedAnswer:
    """When a delivery was answered, by the monotonic clock, with what, and how long it took.

    Units: seconds.
    """

    at: float
    status: int
    seconds: float


@dataclass
class TimedStream(DeliveryStream):
    answers: list[TimedAnswer] = field(default_factory=list)

    def note_answer(self, publish_id: str, status: int, seconds: float) -> None:
        super().note_answer(publish_id, status, seconds)
        self.answers.append(TimedAnswer(time.monotonic(), status, seconds))

    def deliver_aside(self, publish_id: str, *, within: float) -> None:
        """Deliver an event that is not counted with the others. Units: seconds."""
        body = json.dumps(build_envelope(publish_id=publish_id, client_key="")).encode()
        wait_until(
            lambda: post_delivery(self.stack, body) == ACKNOWLEDGED,
            within=within,
            what=f"an answer for {publish_id}",
        )
