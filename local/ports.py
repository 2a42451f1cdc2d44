"""Free ports on loopback. A number may be taken by others before it is used; that is rare."""

import contextlib
import random
import socket

LOOPBACK_HOST = "127.0.0.1"

PORT_RANGE = range(20_000, 32_000)
"""Below the ports that Linux lends to outgoing connections.

Whoever dials a lent port again and again while its server is down ends up talking to itself, and
the server cannot have its port back.
"""


def find_free_port() -> int:
    """A port nobody listens to now."""
    while True:
        port = random.choice(PORT_RANGE)
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind((LOOPBACK_HOST, port))
            return port


def is_port_in_use(port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK_HOST, port), timeout=1):
        return True
    return False
