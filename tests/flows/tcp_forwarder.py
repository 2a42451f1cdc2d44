"""A TCP forwarder as load balancers are: a switch concerns new connections only."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread


class TcpForwarder:
    """Forwards connections to the port `target`, which may change."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
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
            Thread(target=copy_bytes, args=(client, server), daemon=True).start()
            Thread(target=copy_bytes, args=(server, client), daemon=True).start()

    def close(self) -> None:
        self._listener.close()


def copy_bytes(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_forwarder(target: int) -> Iterator[TcpForwarder]:
    forwarder = TcpForwarder(target)
    try:
        yield forwarder
    finally:
        forwarder.close()
