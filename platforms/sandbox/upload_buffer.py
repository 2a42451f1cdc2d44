"""A temporary file that keeps the beginning and the end of a video until it is inspected.

Headers and indexes are at either end, so that a video of 4 GB takes 32 MiB of disk and no memory.
"""

import threading
from tempfile import TemporaryFile
from typing import IO

KEPT_BYTES = 16 * 1024 * 1024  # at each end; the file is sparse between them


class UploadBuffer:
    """The two ends of one video, in an unnamed file."""

    def __init__(self, size: int) -> None:
        """`size` is 0 if it is not known; then only the beginning is kept."""
        self._ends = ((0, KEPT_BYTES), (max(size - KEPT_BYTES, KEPT_BYTES), size))
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()

    def write(self, at: int, data: bytes) -> None:
        """Write the part of `data`, which begins at offset `at`, that belongs to either end."""
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
        self._file = self._file or TemporaryFile()  # noqa: SIM115 - `close` closes it
        return self._file

    def rewind(self) -> IO[bytes]:
        """Return the file at its beginning; it is empty if nothing was written."""
        with self._lock:
            file = self._open_file()
            file.seek(0)  # also flushes
            return file

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None
