"""A file of known size that is read from a position, as Python's reading functions want it."""

import io
import os


class PositionedFile(io.RawIOBase):
    """What a readable file that can be read from anywhere has in common. Units: bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._position, self._size = 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Errors: OSError for a position before the start, as of a file on a disk."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        if starts[whence] + offset < 0:
            raise OSError("a position before the start of the file")
        self._position = starts[whence] + offset
        return self._position
