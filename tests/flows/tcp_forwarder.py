"""A TCP forwarder as load balancers are: a switch concerns new connections only.

It can also be a bad line: it delays what it forwards, and resets its connections.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread


class TcpForwarder:
    """Forwards connections to the port `target`, which may change.

    `delay`: seconds that each piece of data is held back.
    """

    def __init__(self, target: int, *, host: str = "127.0.0.1") -> None:
        self.target = target
        self.delay = 0.0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((host, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._open.update((client, server))
            Thread(target=self._copy_bytes, args=(client, server), daemon=True).start()
            Thread(target=self._copy_bytes, args=(server, client), daemon=True).start()

    def _copy_bytes(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.delay:
                    time.sleep(self.delay)
                target.sendall(data)
        shut_down(source, target)
        self._open.discard(source)
        self._open.discard(target)

    def reset_connections(self) -> int:
        """End all connections at once; return how many there were. New ones are forwarded."""
        connections = list(self._open.copy())
        shut_down(*connections)
        return len(connections) // 2

    def close(self) -> None:
        self._listener.close()


def shut_down(*connections: socket.socket) -> None:
    for each in connections:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_forwarder(target: int) -> Iterator[TcpForwarder]:
    forwarder = TcpForwarder(target)
    try:
        yield forwarder
    finally:
        forwarder.close()
