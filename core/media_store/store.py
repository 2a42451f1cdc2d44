"""What a media store is: where files of users lie, in a directory or in a bucket of S3.

Only names made by `create_path` are accepted, so no request can name another file.
"""

import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from core.errors import NotFound, TooLarge
from core.media_store.digests import GrowingDigests
from core.media_store.remote_file import RemoteFile

PATH_PATTERN = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}", re.ASCII)
PATH_LENGTH = 35  # characters
FOLDERS = tuple(f"{number:02x}" for number in range(256))
CHUNK_BYTES = 1024 * 1024  # bytes held in memory at a time
RETRY_AFTER = timedelta(seconds=15)  # until a client looks again whether there is room
OWNER_NAME = "owner"
"""The file that names the database whose installation may delete what it does not know."""

FULL_REASON, READ_ONLY_REASON, BROKEN_REASON = "full", "read_only", "broken"


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


class MediaStore(ABC):
    """Files that are appended to until they are complete, and only read then.

    Units: positions and sizes in bytes. Errors of every method: StorageUnavailable if the store is
    full, refuses us or is broken, ServiceUnavailable if it does not answer; NotFound for a file
    that does not exist.
    """

    def __init__(self) -> None:
        self._digests = GrowingDigests()

    @abstractmethod
    def create_file(self) -> str:
        """Create an empty file that only we can read, and return its path in the store."""

    @abstractmethod
    def read_space(self) -> StoreSpace | None:
        """Return how much room there is; None if the store does not say it."""

    @abstractmethod
    def require_space(self, size: int) -> None:
        """Errors: StorageUnavailable if it is known that so many bytes do not fit."""

    @abstractmethod
    def size(self, path: str) -> int:
        """Return how many bytes of the file have arrived."""

    @abstractmethod
    def append(self, path: str, offset: int, stream: ByteStream, limit: int) -> int:
        """Append a stream at `offset`, up to a file size of `limit`. Returns the new size.

        If the stream breaks or the store is full, the bytes before that are kept, so that the
        client can resume there. Errors: Conflict if the file does not end at `offset`, or another
        request writes to it; TooLarge if the stream has more bytes.
        """

    @abstractmethod
    def finish(self, path: str, size: int) -> None:
        """Make a file of which `size` bytes have arrived readable. A second time it does nothing.

        Errors: Conflict if it has another size.
        """

    @abstractmethod
    def read(self, path: str, first: int, last: int) -> bytes | memoryview:
        """Return the bytes from `first` to `last` inclusive. Errors: NotFound if it is shorter."""

    @abstractmethod
    def version_stamp(self, path: str) -> str:
        """Return `size:…`, a text that changes whenever the file changes."""

    @abstractmethod
    def iter_chunks(self, path: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `first` to `last` inclusive in chunks; without `last` to the end."""

    @abstractmethod
    def find_source(self, path: str) -> Path | RemoteFile:
        """Return what a complete file is read from: a file of this machine, or one elsewhere."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file, or do nothing if there is none."""

    @abstractmethod
    def list_idle_files(self, folder: str, *, since: datetime) -> list[str]:
        """Return the paths in one of `FOLDERS` to which nothing was written since then."""

    @abstractmethod
    def remove_leftovers(self, *, begun_before: datetime) -> int:
        """Remove what was begun before then and belongs to no file. Return how much."""

    @abstractmethod
    def ensure_owner(self, owner: str) -> str:
        """Name the owner of the store unless it has one. Return who it is."""

    @abstractmethod
    def check_access(self) -> str:
        """Write, read and delete a file. Return in words what was found."""

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


def create_path() -> str:
    """Return the path of a new file, which nobody can guess."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name}"


def require_path(path: str) -> None:
    """Errors: NotFound for other forms than those of `create_path`."""
    if not PATH_PATTERN.fullmatch(path):
        raise NotFound("the media file does not exist")


def require_end(stream: ByteStream) -> None:
    """Errors: TooLarge if the stream has more bytes."""
    if stream.read(1):
        raise TooLarge("the request has more bytes than the announced size of the file")
