"""Films and pictures on their way: a folder of files that only we name. Must never read one whole.

A path is what `new_path` made and nothing else, so that no request can name a file of the system.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from core.errors import Conflict, Misconfigured, NotFound, TooLarge

PATH_PATTERN = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}", re.ASCII)
CHUNK_BYTES = 1024 * 1024  # bytes held in memory at a time
NO_SYMLINK_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class ByteStream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class MediaStore:
    """Files below one folder. Positions and sizes are bytes."""

    def __init__(self, url: str) -> None:
        """Errors: Misconfigured unless it is file:///an/absolute/folder."""
        if urlsplit(url).scheme != "file":
            raise Misconfigured("MEDIA_URL: only file:// is supported yet")
        self._root = Path(unquote(urlsplit(url).path))

    def create_file(self) -> str:
        """An empty file of its own, readable by us alone."""
        name = secrets.token_hex(16)
        path = f"{name[:2]}/{name}"
        self.local_path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(
            os.open(
                self.local_path(path),
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_SYMLINK_FLAGS,
                0o600,
            )
        )
        return path

    def local_path(self, path: str) -> Path:
        """Where it lies, for readers that want a file. Errors: NotFound if the path is not ours."""
        if not PATH_PATTERN.fullmatch(path):
            raise NotFound("no such file")
        return self._root / path

    def size(self, path: str) -> int:
        with self._open(path, os.O_RDONLY) as file:
            return os.fstat(file.fileno()).st_size

    def read(self, path: str, first: int, last: int) -> memoryview:
        """The bytes from `first` to `last` inclusive, as they lie in the system's cache: no copy.

        Whoever cuts the file short meanwhile ends this process, as a kill would.
        Errors: NotFound if some are not there.
        """
        start = first - first % ALLOCATIONGRANULARITY
        with self._open(path, os.O_RDONLY) as file:
            if os.fstat(file.fileno()).st_size <= last:
                raise NotFound("the file is shorter than it was")
            mapped = mmap(file.fileno(), last + 1 - start, access=ACCESS_READ, offset=start)
        return memoryview(mapped)[first - start :]

    def version_stamp(self, path: str) -> str:
        """Another one means that the file was changed meanwhile."""
        with self._open(path, os.O_RDONLY) as file:
            file_stat = os.fstat(file.fileno())
        return f"{file_stat.st_size}:{file_stat.st_mtime_ns}"

    def iter_chunks(self, path: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """The same, a piece at a time; without `last` up to the end."""
        with self._open(path, os.O_RDONLY) as file:
            remaining = (os.fstat(file.fileno()).st_size if last is None else last + 1) - first
            file.seek(first)
            while remaining > 0 and (chunk := file.read(min(CHUNK_BYTES, remaining))):
                remaining -= len(chunk)
                yield chunk

    def append(self, path: str, offset: int, stream: ByteStream, limit: int) -> int:
        """Write what comes from `offset` on, up to a whole of `limit` bytes; gives the new offset.

        What arrived before a broken connection is kept, so that the sender can go on from there.
        Errors: Conflict if the file does not end at `offset` or somebody else is writing it;
        TooLarge if more comes than the limit allows.
        """
        with self._open(path, os.O_RDWR) as file, lock_exclusively(file):
            if file.seek(0, os.SEEK_END) != offset:
                raise Conflict("the file does not end there", details={"offset": file.tell()})
            try:
                copy_stream(stream, file, limit - offset)
            finally:
                file.flush()
            if file.tell() == limit:
                os.fsync(file.fileno())
            return file.tell()

    def sha256(self, path: str) -> str:
        digest = sha256()
        for chunk in self.iter_chunks(path):
            digest.update(chunk)
        return digest.hexdigest()

    def delete(self, path: str) -> None:
        """Gone afterwards, also if it was gone before."""
        with suppress(FileNotFoundError):
            self.local_path(path).unlink()

    @contextmanager
    def _open(self, path: str, flags: int) -> Iterator[BinaryIO]:
        try:
            descriptor = os.open(self.local_path(path), flags | NO_SYMLINK_FLAGS)
        except FileNotFoundError:
            raise NotFound("no such file") from None
        with os.fdopen(descriptor, "rb" if flags == os.O_RDONLY else "r+b") as file:
            yield file


@contextmanager
def lock_exclusively(file: BinaryIO) -> Iterator[None]:
    """The lock ends with the process, so that a killed writer blocks nobody."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict("somebody else is writing this file") from None
    yield


def copy_stream(stream: ByteStream, file: BinaryIO, remaining: int) -> None:
    """Errors: TooLarge if a byte remains when there is no more room."""
    while remaining and (chunk := stream.read(min(CHUNK_BYTES, remaining))):
        file.write(chunk)
        remaining -= len(chunk)
    if not remaining and stream.read(1):
        raise TooLarge("more bytes than were announced")
