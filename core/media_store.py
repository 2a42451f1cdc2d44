"""The media store: a directory of media files, read and written in chunks, never as a whole.

Only names made by `create_file` are accepted, so no request can name another file of the system.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from core.errors import Conflict, Misconfigured, NotFound, StorageUnavailable, TooLarge

PATH_PATTERN = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}", re.ASCII)
CHUNK_BYTES = 1024 * 1024  # bytes held in memory at a time
SYNC_BYTES = 16 * 1024 * 1024  # written before the disk has to have them: the last sync is short
NO_SYMLINK_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
DEFAULT_MIN_FREE_BYTES = 2**30
MAX_OPEN_DIGESTS = 2000  # some hundred bytes each
MAX_MIN_FREE_SHARE = 0.05  # of the disk: a small one is not full from the beginning
RETRY_AFTER = timedelta(seconds=15)  # until a client looks again whether there is room
FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})
READ_ONLY_ERRORS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
# A faulty disk, a network folder that is away, or a file in the place of the folder.
BROKEN_ERRORS = frozenset({errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENOTDIR})
FULL_REASON, READ_ONLY_REASON, BROKEN_REASON = "full", "read_only", "broken"


BytesLike = bytes | memoryview


class ByteStream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class StoreSpace:
    """How much room the disk of the store has. Units: bytes; `least` is kept free."""

    free: int
    total: int
    least: int

    @property
    def available(self) -> int:
        return max(0, self.free - self.least)


class GrowingDigests:
    """SHA-256 digests of files that arrive in pieces, in memory while this process writes them.

    The state of a digest cannot be stored: it is lost with the process, or when another process
    writes a piece. Safe for threads; one thread at a time adds to a file, which holds its lock.
    """

    def __init__(self) -> None:
        self._digests: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._lock = Lock()

    def add(self, path: str, offset: int, chunk: BytesLike) -> None:
        """Continue a digest that covers all bytes before `offset`; otherwise give it up."""
        with self._lock:
            known_to, digest = self._digests.pop(path, (0, sha256() if offset == 0 else None))
        if digest is None or known_to != offset:
            return
        digest.update(chunk)
        with self._lock:
            self._digests[path] = (offset + len(chunk), digest)
            while len(self._digests) > MAX_OPEN_DIGESTS:
                self._digests.popitem(last=False)  # the one that rested longest

    def take(self, path: str, size: int) -> str | None:
        """Return the digest in hexadecimal if it covers `size` bytes, and forget it."""
        with self._lock:
            known_to, digest = self._digests.pop(path, (0, None))
        return digest.hexdigest() if digest is not None and known_to == size else None


class MediaStore:
    """Files below one directory. Units: positions and sizes in bytes."""

    def __init__(self, url: str, *, min_free_bytes: int = DEFAULT_MIN_FREE_BYTES) -> None:
        """Errors: Misconfigured unless the URL is file:///an/absolute/directory."""
        if urlsplit(url).scheme != "file":
            raise Misconfigured("MEDIA_URL must be file:///an/absolute/directory")
        self._root = Path(unquote(urlsplit(url).path))
        self._min_free_bytes = min_free_bytes
        self._digests = GrowingDigests()

    def create_file(self) -> str:
        """Create an empty file that only this user can read, and return its path in the store.

        Errors: StorageUnavailable.
        """
        name = secrets.token_hex(16)
        path = f"{name[:2]}/{name}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_SYMLINK_FLAGS
        with name_storage_faults():
            self.local_path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.local_path(path), flags, 0o600))
        return path

    def read_space(self) -> StoreSpace:
        """Return how much room there is. Errors: StorageUnavailable."""
        folder = next(each for each in (self._root, *self._root.parents) if each.exists())
        with name_storage_faults():
            usage = shutil.disk_usage(folder)
        least = min(self._min_free_bytes, int(usage.total * MAX_MIN_FREE_SHARE))
        return StoreSpace(usage.free, usage.total, least)

    def require_space(self, size: int) -> None:
        """Errors: StorageUnavailable if so many bytes do not fit beside what is kept free."""
        space = self.read_space()
        if size > space.available:
            raise StorageUnavailable(
                f"the media store is full: {size} bytes are to be stored, {space.available} are"
                " available; free some space or wait until older files have expired",
                details={"reason": FULL_REASON, "available": space.available},
                retry_after=RETRY_AFTER,
            )

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

        If the stream breaks or the disk is full, the bytes before that are kept, so that the
        client can resume there. Errors: Conflict if the file does not end at `offset`, or another
        request writes to it; TooLarge if the stream has more bytes; StorageUnavailable.
        """
        with (
            name_storage_faults(),
            self._open(path, os.O_RDWR) as file,
            lock_exclusively(file),
        ):
            if file.seek(0, os.SEEK_END) != offset:
                raise Conflict(
                    "the media file does not end at this offset", details={"offset": file.tell()}
                )
            self._copy_stream(path, stream, file, limit - offset)
            if file.tell() == limit:
                os.fdatasync(file.fileno())
            return file.tell()

    def _copy_stream(self, path: str, stream: ByteStream, file: BinaryIO, remaining: int) -> None:
        """Copy at most `remaining` bytes. Errors: TooLarge if the stream has more."""
        unsynced = 0
        while remaining and (chunk := stream.read(min(CHUNK_BYTES, remaining))):
            if unsynced == 0:
                self.require_space(len(chunk))
            self._write_whole(path, file, chunk)
            remaining -= len(chunk)
            unsynced += len(chunk)
            if unsynced >= SYNC_BYTES:
                os.fdatasync(file.fileno())
                unsynced = 0
        if not remaining:
            require_end(stream)

    def _write_whole(self, path: str, file: BinaryIO, chunk: bytes) -> None:
        """Write all bytes: an almost full disk takes some of them before it refuses the rest."""
        rest = memoryview(chunk)
        while rest:
            start = file.tell()
            written = rest[: file.write(rest)]
            self._digests.add(path, start, written)
            rest = rest[len(written) :]

    def take_digest(self, path: str, size: int) -> str | None:
        """Return the SHA-256 that grew while this process wrote the file, and forget it.

        None if it wrote only a part: then somebody has to read the file for it.
        """
        return self._digests.take(path, size)

    def sha256(self, path: str) -> str:
        """Read the whole file for its SHA-256."""
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
            with name_storage_faults():
                descriptor = os.open(self.local_path(path), flags | NO_SYMLINK_FLAGS)
        except FileNotFoundError:
            raise NotFound("the media file does not exist") from None
        # Unbuffered where it writes: after an error nothing is left that closing would write.
        is_reader = flags == os.O_RDONLY
        with os.fdopen(
            descriptor, "rb" if is_reader else "r+b", buffering=-1 if is_reader else 0
        ) as file:
            yield file


def require_end(stream: ByteStream) -> None:
    """Errors: TooLarge if the stream has more bytes."""
    if stream.read(1):
        raise TooLarge("the request has more bytes than the announced size of the file")


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


@contextmanager
def name_storage_faults() -> Iterator[None]:
    """Say in words what is wrong with the disk. Errors: StorageUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_ERRORS:
            reason, text = FULL_REASON, "the media store is full: free some space"
        elif error.errno in READ_ONLY_ERRORS:
            reason, text = (
                READ_ONLY_REASON,
                "the media store cannot be written to: check its folder",
            )
        elif error.errno in BROKEN_ERRORS:
            reason, text = (
                BROKEN_REASON,
                "the media store is away or reports errors: check its folder and its disk",
            )
        else:
            raise
        raise StorageUnavailable(
            text, details={"reason": reason}, retry_after=RETRY_AFTER
        ) from error
