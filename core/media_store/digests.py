"""SHA-256 digests of files that arrive in pieces, continued with each piece."""

from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from typing import Any

MAX_OPEN_DIGESTS = 2000  # some hundred bytes each


class GrowingDigests:
    """SHA-256 digests of files that arrive in pieces, in memory while this process writes them.

    The state of a digest cannot be stored: it is lost with the process, or when another process
    writes a piece. Safe for threads; one thread at a time adds to a file, which holds its lock.
    """

    def __init__(self) -> None:
        self._digests: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._lock = Lock()

    def add(self, path: str, offset: int, chunk: bytes | memoryview) -> None:
        """Continue a digest that covers all bytes before `offset`; otherwise give it up."""
        with self._lock:
            known_to, digest = self._digests.pop(path, (0, sha256() if offset == 0 else None))
        if digest is None or known_to != offset:
            return
        digest.update(chunk)
        with self._lock:
            self._digests[path] = (offset + len(chunk), digest)
            while len(self._digests) > MAX_OPEN_DIGESTS:
                self._digests.popitem(last=False)  # the one that rested longest

    def take(self, path: str, size: int) -> str | None:
        """Return the digest in hexadecimal if it covers `size` bytes, and forget it."""
        with self._lock:
            known_to, digest = self._digests.pop(path, (0, None))
        return digest.hexdigest() if digest is not None and known_to == size else None
