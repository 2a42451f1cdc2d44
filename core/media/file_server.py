"""Serves a file that is elsewhere to a confined process, which can open nothing itself.

The process asks for blocks through a socket, so that only what it reads is fetched: the headers of
a video of 4 GB are some hundred KB.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from core.errors import CoreError, NotFound
from core.media.confined_input import NUMBER_FORMAT, SIZE_FORMAT
from core.media_store.remote_file import BLOCK_BYTES, RemoteFile


class FileServer(Thread):
    """Answers one process until it closes its end. `fault`: why it could not."""

    def __init__(self, file: RemoteFile, connection: socket.socket) -> None:
        super().__init__(daemon=True)
        self._file, self._connection = file, connection
        self.fault: CoreError | None = None

    def run(self) -> None:
        """A process that was killed, or sends what is no number, ends it."""
        with suppress(OSError), self._connection as connection:
            connection.sendall(SIZE_FORMAT.pack(self._file.size, BLOCK_BYTES))
            while len(number := connection.recv(NUMBER_FORMAT.size)) == NUMBER_FORMAT.size:
                try:
                    block = self._file.read_block(*NUMBER_FORMAT.unpack(number))
                except CoreError as error:
                    self.fault = error
                    return
                connection.sendall(block)


@contextmanager
def serve_file(file: RemoteFile) -> Iterator[int]:
    """Yield the descriptor that a process reads the file from.

    Errors: FileNotFoundError, StorageUnavailable, ServiceUnavailable of the store, so that nobody
    takes a file for damaged that could not be read.
    """
    ours, theirs = socket.socketpair()
    server = FileServer(file, ours)
    with theirs:
        server.start()
        yield theirs.fileno()
    if isinstance(server.fault, NotFound):
        raise FileNotFoundError(str(server.fault)) from server.fault
    if server.fault is not None:
        raise server.fault
