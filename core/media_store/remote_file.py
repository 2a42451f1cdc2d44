"""A file that is not on this machine, read in blocks, each when it is needed."""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any, BinaryIO

from core.media_store.positioned_file import PositionedFile

BLOCK_BYTES = 256 * 1024
KEPT_BLOCKS = 32  # headers are read several times
STREAM_BUFFER_BYTES = 2 * 1024 * 1024  # one request of whoever reads from start to end


class RemoteFile:
    """Reads ranges of a file with `read_range(first, last)`, both inclusive. Units: bytes."""

    def __init__(self, size: int, read_range: Callable[[int, int], bytes]) -> None:
        self.size, self._read_range = size, read_range
        self.read_block = lru_cache(KEPT_BLOCKS)(self._fetch_block)

    def read_range(self, first: int, last: int) -> bytes:
        return self._read_range(first, last)

    def _fetch_block(self, number: int) -> bytes:
        """Return one block, the last one shorter; nothing behind the end of the file."""
        first = number * BLOCK_BYTES
        if not 0 <= first < self.size:
            return b""
        return self._read_range(first, min(first + BLOCK_BYTES, self.size) - 1)

    def open_stream(self) -> BinaryIO:
        """Return the file as an open one, at its start."""
        return io.BufferedReader(RemoteStream(self), STREAM_BUFFER_BYTES)


class RemoteStream(PositionedFile):
    """The file as Python's reading functions want it."""

    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._file, self._size = file, file.size

    def readinto(self, buffer: Any, /) -> int:
        last = min(self._position + len(buffer), self._size) - 1
        if last < self._position:
            return 0
        data = self._file.read_range(self._position, last)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
