"""Free ports on loopback. A number may be taken by others before it is used; that is rare."""

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"

RANGE = range(20_000, 32_000)
"""Below the ports that Linux lends to outgoing connections.

Whoever dials a lent port again and again while its server is down ends up talking to itself, and
the server cannot have its port back.
"""


def free_port() -> int:
    """A port nobody listens to now."""
    while True:
        port = random.choice(RANGE)  # noqa: S311 - no secret: only unlikely to be picked twice
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((LOOPBACK, port))
            return port


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False
