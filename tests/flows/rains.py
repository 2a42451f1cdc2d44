"""A platform that delivers at its own pace, whatever happens to us: each notice when it is due.

Some come twice, and all of them again until somebody answers 200.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.flows.storms import POSTS, Storm

DROPS = 64  # deliveries under way at once
ENDURING = 300.0  # seconds one is repeated: the longest outage, and a start after it
AGAIN = 10  # every so-manieth comes twice
STEP = 500  # publications are made before their notices are due


@dataclass
class Rain(Storm):
    """Open loop: `count` is what has fallen so far."""

    rate: float = 30.0
    waits: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    @contextmanager
    def falling(self):
        """Until the end of the block; all of it is delivered then."""
        over = threading.Event()
        with ThreadPoolExecutor(DROPS) as drops:
            cloud = threading.Thread(target=self.fall, args=(drops, over))
            cloud.start()
            try:
                yield self
            finally:
                over.set()
                cloud.join()
        assert not self.failures, self.failures[:3]

    def fall(self, drops, over):
        began = time.monotonic()
        while not over.wait(max(0.0, began + self.count / self.rate - time.monotonic())):
            if self.count % STEP == 0:
                self.house.rows(POSTS_FROM, self.name, self.count + 1, self.count + STEP)
            self.count += 1
            for _ in range(2 if self.count % AGAIN == 0 else 1):
                drops.submit(self.drop, f"{self.name}{self.count}")

    def drop(self, publish_id):
        try:
            self.deliver(publish_id, within=ENDURING)
        except Exception as failure:  # noqa: BLE001 - told at the end of the rain
            self.failures.append(f"{publish_id}: {failure}")

    def send(self, publish_id, body):
        began = time.monotonic()
        answered = super().send(publish_id, body)
        if answered:
            self.waits.append(time.monotonic() - began)
        return answered

    def slowest(self, share=0.99):
        """Seconds that this share of the answers took at most."""
        return sorted(self.waits)[int(len(self.waits) * share)]


POSTS_FROM = POSTS.replace("generate_series(1, %s)", "generate_series(%s, %s)")
