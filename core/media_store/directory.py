"""The media store in a directory: files are read and written in chunks, never as a whole."""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import BytesIO
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from core.errors import Conflict, Misconfigured, NotFound, StorageUnavailable
from core.media_store.store import (
    BROKEN_REASON,
    CHUNK_BYTES,
    FULL_REASON,
    OWNER_NAME,
    READ_ONLY_REASON,
    RETRY_AFTER,
    ByteStream,
    MediaStore,
    StoreSpace,
    create_path,
    require_end,
    require_path,
)

SYNC_BYTES = 16 * 1024 * 1024  # written before the disk has to have them: the last sync is short
NO_SYMLINK_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
DEFAULT_MIN_FREE_BYTES = 2**30
MAX_MIN_FREE_SHARE = 0.05  # of the disk: a small one is not full from the beginning
GIGABYTE = 10**9
# EFBIG: files may not be so large, by the process's limit (`ulimit -f`) or by the file system.
FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY_ERRORS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
# A faulty disk, a network folder that is away, or a file in the place of the folder.
BROKEN_ERRORS = frozenset({errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENOTDIR})


class DirectoryStore(MediaStore):
    """Files below one directory."""

    def __init__(self, url: str, *, min_free_bytes: int = DEFAULT_MIN_FREE_BYTES) -> None:
        """Errors: Misconfigured unless the URL is file:///an/absolute/directory."""
        if urlsplit(url).scheme != "file":
            raise Misconfigured("MEDIA_URL must be file:///an/absolute/directory")
        super().__init__()
        self._root = Path(unquote(urlsplit(url).path))
        self._min_free_bytes = min_free_bytes

    def create_file(self) -> str:
        path = create_path()
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
        require_path(path)
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
        with self._open(path, os.O_RDONLY) as file:
            file_stat = os.fstat(file.fileno())
        return f"{file_stat.st_size}:{file_stat.st_mtime_ns}"

    def iter_chunks(self, path: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        with self._open(path, os.O_RDONLY) as file:
            remaining = (os.fstat(file.fileno()).st_size if last is None else last + 1) - first
            file.seek(first)
            while remaining > 0 and (chunk := file.read(min(CHUNK_BYTES, remaining))):
                remaining -= len(chunk)
                yield chunk

    def append(self, path: str, offset: int, stream: ByteStream, limit: int) -> int:
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

    def delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self.local_path(path).unlink()

    def finish(self, path: str, size: int) -> None:
        """Nothing is to be done: a file can be read as it arrives."""

    def find_source(self, path: str) -> Path:
        return self.local_path(path)

    def list_idle_files(self, folder: str, *, since: datetime) -> list[str]:
        with name_storage_faults(), suppress(FileNotFoundError):
            return [
                f"{folder}/{entry.name}"
                for entry in os.scandir(self._root / folder)
                if entry.stat(follow_symlinks=False).st_mtime < since.timestamp()
            ]
        return []

    def remove_leftovers(self, *, begun_before: datetime) -> int:
        """There are none: a file is all there is of an upload."""
        del begun_before
        return 0

    def ensure_owner(self, owner: str) -> str:
        """The file appears with its text, so that another process never reads half of it."""
        path, staging = self._root / OWNER_NAME, self._root / f".{secrets.token_hex(8)}"
        with name_storage_faults():
            if not path.exists():
                self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
                staging.write_text(owner)
                with suppress(FileExistsError):
                    path.hardlink_to(staging)
                staging.unlink()
            return path.read_text()

    def check_access(self) -> str:
        path = self.create_file()
        try:
            self.append(path, 0, BytesIO(b"signalpost"), limit=10)
            self.read(path, 0, 9)
        finally:
            self.delete(path)
        space = self.read_space()
        free, total, least = (value / GIGABYTE for value in (space.free, space.total, space.least))
        return f"is writable; {free:.1f} of {total:.1f} GB are free, {least:.1f} GB are kept free"

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
            reason, text = (
                FULL_REASON,
                "the media store is full, or a file may not be so large (`ulimit -f`): make room",
            )
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
