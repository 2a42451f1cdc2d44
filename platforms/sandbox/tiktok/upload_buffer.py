"""What is kept of a film until it has been looked at: its two ends, in a file without a name.

Headers and indexes stand at either end, so that four gigabytes cost two times sixteen megabytes
and no memory. Must not know where the bytes come from, nor what is looked for.
"""

import threading
from tempfile import TemporaryFile
from typing import IO

KEPT_BYTES = 16 * 1024 * 1024  # bytes of each end; between them is a hole


class UploadBuffer:
    def __init__(self, size: int) -> None:
        """`size` is 0 if nobody told it: then only the beginning can be kept."""
        self._ends = ((0, KEPT_BYTES), (max(size - KEPT_BYTES, KEPT_BYTES), size))
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()

    def write(self, at: int, data: bytes) -> None:
        """Where it belongs in the film; what is sent again is written again."""
        for first, end in self._ends:
            start, stop = max(at, first), min(at + len(data), end)
            if start < stop:
                self._write_part(start, memoryview(data)[start - at : stop - at])

    def _write_part(self, at: int, part: memoryview) -> None:
        with self._lock:
            file = self._open_file()
            file.seek(at)
            file.write(part)

    def _open_file(self) -> IO[bytes]:
        self._file = self._file or TemporaryFile()
        return self._file

    def rewind(self) -> IO[bytes]:
        """The film from its beginning; empty if nothing of it ever came."""
        with self._lock:
            file = self._open_file()
            file.seek(0)  # which writes out what is buffered, too
            return file

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None
