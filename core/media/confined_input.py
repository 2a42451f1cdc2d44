"""The file that a confined process reads: its standard input, or a socket that serves blocks of it.

Imports nothing of ours, because the processes that use it read hostile files. The parent is
`core.media.file_server`.
"""

import io
import os
import stat
import struct
import sys
from typing import Any, BinaryIO

from core.media_store.positioned_file import PositionedFile

SIZE_FORMAT = struct.Struct(">QI")  # size of the file, size of a block; sent by the parent first
NUMBER_FORMAT = struct.Struct(">Q")  # number of the block that is wanted
STDIN = 0


class ServedFile(PositionedFile):
    """A file read through a socket, block by block. Errors: OSError if it ends before the file."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size, self.block_size = SIZE_FORMAT.unpack(self._receive(SIZE_FORMAT.size))

    def readinto(self, buffer: Any, /) -> int:
        """Read up to the end of a block."""
        number, start = divmod(self._position, self.block_size)
        length = min(self.block_size, self._size - number * self.block_size)
        if length <= start:
            return 0
        os.write(self._descriptor, NUMBER_FORMAT.pack(number))
        data = self._receive(length)[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = os.read(self._descriptor, size - len(data))
            if not chunk:
                raise OSError("the file is not served any more")
            data += chunk
        return bytes(data)


def open_input() -> BinaryIO:
    """Return the file on standard input, at its start. To be called before the confinement."""
    if stat.S_ISSOCK(os.fstat(STDIN).st_mode):
        file = ServedFile(STDIN)
        return io.BufferedReader(file, file.block_size)
    return sys.stdin.buffer
