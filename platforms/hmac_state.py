"""HMAC-SHA256 (RFC 2104) with a key that has been read: each message costs two copies of a hash.

`hmac.HMAC.copy` copies three, and makes an object of Python: it takes twice as long. A delivery is
checked with one HMAC and stored with two.
"""

from hashlib import sha256
from typing import Final

BLOCK_BYTES: Final = 64
INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class HmacState:
    """The state of an HMAC after its key. Threads may share it: a message changes copies only."""

    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(INNER_PAD))
        self._outer = sha256(block.translate(OUTER_PAD))

    def hex_digest(self, message: bytes) -> str:
        """Not `hmac.digest`: it releases the GIL, which a busy event loop then has to regain."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()
