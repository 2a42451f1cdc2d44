"""Requests of the same user that go on while a large video is uploaded."""

import threading
import time


class OtherRequests:
    """Reads the user's posts five times a second, as the page that shows them does.

    Shapes: `read_posts()` sends one request and returns its status code.
    """

    def __init__(self, read_posts):
        self._read_posts, self._stopped = read_posts, threading.Event()
        self.statuses, self.seconds = set(), []
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stopped.wait(0.2):
            start = time.monotonic()
            status = self._read_posts()
            self.seconds.append(time.monotonic() - start)
            self.statuses.add(status)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()
