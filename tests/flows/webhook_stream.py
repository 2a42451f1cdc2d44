"""Sends deliveries at a constant rate, whatever happens to the server (an open loop).

Some are sent twice, and each is repeated until the answer is 200.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.flows.webhook_burst import INSERT_POSTS, DeliveryBurst

MAX_IN_FLIGHT = 64  # deliveries sent at the same time
REDELIVERY_TIMEOUT = 300.0  # seconds a delivery is repeated: the longest outage and a start
DUPLICATE_EVERY = 10  # every tenth delivery is sent twice
POSTS_PER_INSERT = 500  # publications are inserted before their events are sent


@dataclass
class DeliveryStream(DeliveryBurst):
    """Deliveries at a constant rate; `count` is how many were sent so far."""

    rate: float = 30.0
    response_times: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    @contextmanager
    def run(self):
        """Send until the end of the block, then wait until everything is acknowledged."""
        stopped = threading.Event()
        with ThreadPoolExecutor(MAX_IN_FLIGHT) as threads:
            sender = threading.Thread(target=self.send_at_rate, args=(threads, stopped))
            sender.start()
            try:
                yield self
            finally:
                stopped.set()
                sender.join()
        assert not self.failures, self.failures[:3]

    def send_at_rate(self, threads, stopped):
        started_at = time.monotonic()
        while not stopped.wait(max(0.0, started_at + self.count / self.rate - time.monotonic())):
            if self.count % POSTS_PER_INSERT == 0:
                self.stack.query(
                    INSERT_POSTS_FROM, self.name, self.count + 1, self.count + POSTS_PER_INSERT
                )
            self.count += 1
            for _ in range(2 if self.count % DUPLICATE_EVERY == 0 else 1):
                threads.submit(self.deliver_or_record, f"{self.name}{self.count}")

    def deliver_or_record(self, publish_id):
        try:
            self.deliver(publish_id, within=REDELIVERY_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - `run` reports it
            self.failures.append(f"{publish_id}: {error}")

    def note_answer(self, publish_id, status, seconds):
        super().note_answer(publish_id, status, seconds)
        if status == 200:
            self.response_times.append(seconds)

    def response_time_at(self, share=0.99):
        """Return the seconds within which this share of the responses came."""
        return sorted(self.response_times)[int(len(self.response_times) * share)]


INSERT_POSTS_FROM = INSERT_POSTS.replace("generate_series(1, %s)", "generate_series(%s, %s)")
