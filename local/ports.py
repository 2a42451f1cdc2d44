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


def find_port_fault(port: int) -> str | None:
    """Return why no server of ours can listen on the port; None if one can."""
    if is_port_in_use(port):
        return "is in use"
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            sock.bind((LOOPBACK_HOST, port))
        except OSError as error:
            return f"cannot be used ({error.strerror})"
    return None


def is_port_in_use(port: int) -> bool:
    """Return whether a program accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK_HOST, port), timeout=1):
        return True
    return False
