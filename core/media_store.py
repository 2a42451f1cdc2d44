"""The media store: a directory of media files, read and written in chunks, never as a whole.

Only names made by `create_file` are accepted, so no request can name another file of the system.
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
    """Files below one directory. Units: positions and sizes in bytes."""

    def __init__(self, url: str) -> None:
        """Errors: Misconfigured unless the URL is file:///an/absolute/directory."""
        if urlsplit(url).scheme != "file":
            raise Misconfigured("MEDIA_URL must be file:///an/absolute/directory")
        self._root = Path(unquote(urlsplit(url).path))

    def create_file(self) -> str:
        """Create an empty file that only this user can read, and return its path in the store."""
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
        """Return the file's path on disk. Errors: NotFound for other forms of `path`."""
        if not PATH_PATTERN.fullmatch(path):
            raise NotFound("the media file does not exist")
        return self._root / path

    def size(self, path: str) -> int:
        with self._open(path, os.O_RDONLY) as file:
            return os.fstat(file.fileno()).st_size

    def read(self, path: str, first: int, last: int) -> memoryview:
        """Return the bytes from `first` to `last` inclusive as a memory map, without a copy.

        If another process truncates the file meanwhile, reading the map kills this process.
        Errors: NotFound if the file is shorter.
        """
        start = first - first % ALLOCATIONGRANULARITY
        with self._open(path, os.O_RDONLY) as file:
            if os.fstat(file.fileno()).st_size <= last:
                raise NotFound("the media file is shorter than expected")
            mapped = mmap(file.fileno(), last + 1 - start, access=ACCESS_READ, offset=start)
        return memoryview(mapped)[first - start :]

    def version_stamp(self, path: str) -> str:
        """Return a text that changes whenever the file changes."""
        with self._open(path, os.O_RDONLY) as file:
            file_stat = os.fstat(file.fileno())
        return f"{file_stat.st_size}:{file_stat.st_mtime_ns}"

    def iter_chunks(self, path: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `first` to `last` inclusive in chunks; without `last` to the end."""
        with self._open(path, os.O_RDONLY) as file:
            remaining = (os.fstat(file.fileno()).st_size if last is None else last + 1) - first
            file.seek(first)
            while remaining > 0 and (chunk := file.read(min(CHUNK_BYTES, remaining))):
                remaining -= len(chunk)
                yield chunk

    def append(self, path: str, offset: int, stream: ByteStream, limit: int) -> int:
        """Append a stream at `offset`, up to a file size of `limit`. Returns the new size.

        If the stream breaks, the bytes before that are kept, so that the client can resume there.
        Errors: Conflict if the file does not end at `offset`, or another request writes to it;
        TooLarge if the stream has more bytes.
        """
        with self._open(path, os.O_RDWR) as file, lock_exclusively(file):
            if file.seek(0, os.SEEK_END) != offset:
                raise Conflict(
                    "the media file does not end at this offset", details={"offset": file.tell()}
                )
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
        """Delete a file, or do nothing if there is none."""
        with suppress(FileNotFoundError):
            self.local_path(path).unlink()

    @contextmanager
    def _open(self, path: str, flags: int) -> Iterator[BinaryIO]:
        try:
            descriptor = os.open(self.local_path(path), flags | NO_SYMLINK_FLAGS)
        except FileNotFoundError:
            raise NotFound("the media file does not exist") from None
        with os.fdopen(descriptor, "rb" if flags == os.O_RDONLY else "r+b") as file:
            yield file


@contextmanager
def lock_exclusively(file: BinaryIO) -> Iterator[None]:
    """Lock a file without waiting. The lock ends with the process, also when it is killed.

    Errors: Conflict if another process holds it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict("another request is writing to this media file") from None
    yield


def copy_stream(stream: ByteStream, file: BinaryIO, remaining: int) -> None:
    """Copy at most `remaining` bytes. Errors: TooLarge if the stream has more."""
    while remaining and (chunk := stream.read(min(CHUNK_BYTES, remaining))):
        file.write(chunk)
        remaining -= len(chunk)
    if not remaining and stream.read(1):
        raise TooLarge("the request has more bytes than the announced size of the file")
