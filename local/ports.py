"""Free ports on loopback. Another program may take one before it is used; that is rare."""

import contextlib
import random
import socket

LOOPBACK_HOST = "127.0.0.1"

PORT_RANGE = range(20_000, 32_000)
"""Below the ephemeral ports that Linux gives to outgoing connections.

A client that keeps connecting to an ephemeral port while its server is down eventually connects
to itself, and the server cannot bind its port any more.
"""


def find_free_port() -> int:
    """Return a port that no program is bound to now."""
    while True:
        port = random.choice(PORT_RANGE)  # noqa: S311 - no secret, only unlikely to repeat # nosec B311
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind((LOOPBACK_HOST, port))
            return port


def is_port_in_use(port: int) -> bool:
    """Return whether a program accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK_HOST, port), timeout=1):
        return True
    return False
