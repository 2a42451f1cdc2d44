"""The media store in a bucket of S3: machines share it without sharing a folder.

A file is one object in the end. While it arrives, the bucket alone knows how much there is, so that
any process can go on: an empty object under the file's key, small objects with the pieces that
arrived (`….pieces/<offset>`), and parts of a multipart upload made of whole pieces, whose id is in
`….upload` (docs/decisions/0068).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from urllib.parse import urlsplit

from core.config.media_bucket import BucketSettings, parse_bucket_url
from core.errors import Conflict, NotFound, StorageUnavailable
from core.media_store.bucket_objects import BucketObjects, StoredObject, StoredPart
from core.media_store.remote_file import RemoteFile
from core.media_store.store import (
    BROKEN_REASON,
    OWNER_NAME,
    PATH_LENGTH,
    ByteStream,
    MediaStore,
    create_path,
    require_end,
    require_path,
)

PART_BYTES = 5 * 2**20  # the least that S3 accepts of a part that is not the last
MAX_FILE_BYTES = 10_000 * PART_BYTES  # 10,000 parts are the most
READ_BYTES = 8 * 2**20  # of one request while a whole file is read
MAX_KNOWN_UPLOADS = 2000
PIECES_SUFFIX, UPLOAD_SUFFIX = ".pieces/", ".upload"
LOST_TEXT = (
    "the unfinished upload is not in the bucket any more: no rule of the bucket may remove"
    " incomplete uploads before seven days; delete the file and upload it again"
)


@dataclass
class Arrival:
    """What the bucket holds of one file. `pieces`: offset → size. Units: bytes."""

    complete_size: int
    pieces: dict[int, int] = field(default_factory=dict)
    upload_id: str | None = None
    parts: list[StoredPart] = field(default_factory=list)

    @property
    def parts_end(self) -> int:
        """Where the parts end; pieces before it are in them."""
        return sum(part.size for part in self.parts)

    @property
    def end(self) -> int:
        """How much of the file has arrived without a gap."""
        if self.complete_size:
            return self.complete_size
        end = self.parts_end
        while end in self.pieces:
            end += self.pieces[end]
        return end

    def list_waiting(self, last: int) -> list[int]:
        """Return the offsets of the pieces from the end of the parts up to `last`, exclusive."""
        offsets, end = [], self.parts_end
        while end in self.pieces and end < last:
            offsets.append(end)
            end += self.pieces[end]
        return offsets


class BucketStore(MediaStore):
    """Files in one bucket, under one prefix."""

    def __init__(self, url: str, settings: BucketSettings) -> None:
        """Errors: ValueError unless the URL is s3://bucket or s3://bucket/a/prefix."""
        super().__init__()
        parts = urlsplit(url)
        bucket, self._prefix = parse_bucket_url(parts.netloc, parts.path)
        self._objects = BucketObjects(bucket, settings)
        self._upload_ids: dict[str, str] = {}

    def create_file(self) -> str:
        path = create_path()
        self._objects.put_new(self._key(path), b"")
        return path

    def read_space(self) -> None:
        """A bucket says nothing about its room."""

    def require_space(self, size: int) -> None:
        """Nothing is known before the bucket refuses."""

    def size(self, path: str) -> int:
        return self._read_arrival(path).end

    def append(self, path: str, offset: int, stream: ByteStream, limit: int) -> int:
        """See `MediaStore.append`. A piece exists once under its offset: that is the lock."""
        arrival = self._read_arrival(path)
        if arrival.end != offset:
            raise Conflict(
                "the media file does not end at this offset", details={"offset": arrival.end}
            )
        end = offset
        while end < limit:
            self._join_pieces(path, arrival)
            wanted = min(PART_BYTES - end % PART_BYTES, limit - end)
            piece, fault = read_piece(stream, wanted)
            if piece:
                self._add_piece(path, arrival, end, piece)
                end += len(piece)
            if fault is not None:
                raise fault
            if len(piece) < wanted:
                return end
        require_end(stream)
        return end

    def finish(self, path: str, size: int) -> None:
        arrival = self._read_arrival(path)
        if arrival.end != size:
            raise Conflict("the media file has another size", details={"offset": arrival.end})
        if arrival.complete_size:
            return
        self._join_pieces(path, arrival)
        key = self._key(path)
        rest = self._read_pieces(path, arrival.list_waiting(size))
        if arrival.upload_id is None:
            self._objects.write(key, rest)
        else:
            if rest:
                number = len(arrival.parts) + 1
                arrival.parts.append(self._objects.put_part(key, arrival.upload_id, number, rest))
            was_there = self._objects.complete_upload(key, arrival.upload_id, arrival.parts)
            if not was_there and self._objects.head(key)[0] != size:
                raise_lost_upload()
        self._upload_ids.pop(path, None)
        self._objects.delete(
            [key + UPLOAD_SUFFIX, *(self._piece_key(path, each) for each in arrival.pieces)]
        )

    def read(self, path: str, first: int, last: int) -> bytes:
        data = self._objects.get(self._key(path), first, last)
        if len(data) != last + 1 - first:
            raise NotFound("the media file is shorter than expected")
        return data

    def version_stamp(self, path: str) -> str:
        size, etag = self._objects.head(self._key(path))
        return f"{size}:{etag}"

    def iter_chunks(self, path: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        end = self._objects.head(self._key(path))[0] if last is None else last + 1
        for start in range(first, end, READ_BYTES):
            yield self.read(path, start, min(start + READ_BYTES, end) - 1)

    def find_source(self, path: str) -> RemoteFile:
        size = self._objects.head(self._key(path))[0]
        return RemoteFile(size, lambda first, last: self.read(path, first, last))

    def delete(self, path: str) -> None:
        key = self._key(path)
        objects = self._objects.list_objects(key)
        if any(each.key == key + UPLOAD_SUFFIX for each in objects):
            with suppress(NotFound):  # another request deletes it too
                self._objects.abort_upload(key, self._find_upload_id(path))
        self._upload_ids.pop(path, None)
        # The file's own object goes last: what is left of an interrupted deletion is found by it.
        self._objects.delete(each.key for each in objects if each.key != key)
        self._objects.delete(each.key for each in objects if each.key == key)

    def list_idle_files(self, folder: str, *, since: datetime) -> list[str]:
        changed_at: dict[str, datetime] = {}
        for each in self._objects.list_objects(f"{self._prefix}{folder}/"):
            path = each.key.removeprefix(self._prefix)[:PATH_LENGTH]
            changed_at[path] = max(each.changed_at, changed_at.get(path, each.changed_at))
        return [path for path, changed in changed_at.items() if changed < since]

    def remove_leftovers(self, *, begun_before: datetime) -> int:
        """Abort multipart uploads that were begun so long ago: no file waits for them any more."""
        count = 0
        for upload in list(self._objects.iter_uploads(self._prefix)):
            if upload.begun_at < begun_before:
                self._objects.abort_upload(upload.key, upload.upload_id)
                count += 1
        return count

    def ensure_owner(self, owner: str) -> str:
        key = self._prefix + OWNER_NAME
        self._objects.put_new(key, owner.encode())
        return self._objects.get(key).decode(errors="replace")

    def check_access(self) -> str:
        path = self.create_file()
        try:
            if self._objects.put_new(self._key(path), b"twice"):
                raise StorageUnavailable(
                    "the bucket's server ignores If-None-Match: two requests could write to the"
                    " same place of a file; use one with conditional writes",
                    details={"reason": BROKEN_REASON},
                )
            self.append(path, 0, BytesIO(b"signalpost"), limit=10)
            self.finish(path, 10)
            self.read(path, 0, 9)
        finally:
            self.delete(path)
        return f"the bucket {self._objects.bucket} is writable, and refuses a second write"

    def _key(self, path: str) -> str:
        require_path(path)
        return self._prefix + path

    def _piece_key(self, path: str, offset: int) -> str:
        return f"{self._key(path)}{PIECES_SUFFIX}{offset:012x}"

    def _read_arrival(self, path: str) -> Arrival:
        """List what there is of a file. Errors: NotFound."""
        key = self._key(path)
        arrival = describe_objects(key, self._objects.list_objects(key))
        if arrival.upload_id is None or arrival.complete_size:
            return arrival
        arrival.upload_id = self._find_upload_id(path)
        parts = self._objects.list_parts(key, arrival.upload_id)
        if parts is not None:
            arrival.parts = parts
            return arrival
        completed = describe_objects(
            key, self._objects.list_objects(key)
        )  # meanwhile, by another process
        if not completed.complete_size:
            raise_lost_upload()
        return completed

    def _find_upload_id(self, path: str) -> str:
        if path not in self._upload_ids:
            if len(self._upload_ids) >= MAX_KNOWN_UPLOADS:
                self._upload_ids.clear()
            self._upload_ids[path] = self._objects.get(self._key(path) + UPLOAD_SUFFIX).decode()
        return self._upload_ids[path]

    def _add_piece(self, path: str, arrival: Arrival, offset: int, piece: bytes) -> None:
        """Errors: Conflict if another request has stored a piece there."""
        if not self._objects.put_new(self._piece_key(path, offset), piece):
            raise Conflict("another request is writing to this media file")
        arrival.pieces[offset] = len(piece)
        self._digests.add(path, offset, piece)

    def _join_pieces(self, path: str, arrival: Arrival) -> None:
        """Make parts of the pieces that fill one; a piece never lies in two of them."""
        while arrival.end - arrival.parts_end >= PART_BYTES:
            key, start = self._key(path), arrival.parts_end
            data = self._read_pieces(path, arrival.list_waiting(start + PART_BYTES))
            if arrival.upload_id is None:
                arrival.upload_id = self._begin_upload(path)
            number = len(arrival.parts) + 1
            arrival.parts.append(self._objects.put_part(key, arrival.upload_id, number, data))
            # The pieces of the newest part stay a while: a request that comes late, with bytes that
            # have been replaced, must find its place taken.
            old = [offset for offset in arrival.pieces if offset < start]
            self._objects.delete(self._piece_key(path, offset) for offset in old)
            for offset in old:
                del arrival.pieces[offset]

    def _begin_upload(self, path: str) -> str:
        """Begin the multipart upload, or return the id of one that another request has begun."""
        key = self._key(path)
        upload_id = self._objects.begin_upload(key)
        if self._objects.put_new(key + UPLOAD_SUFFIX, upload_id.encode()):
            return upload_id
        known_id = self._find_upload_id(path)
        if known_id != upload_id:  # a repeated request may have found its own first attempt
            self._objects.abort_upload(key, upload_id)
        return known_id

    def _read_pieces(self, path: str, offsets: list[int]) -> bytes:
        """Errors: Conflict if another request has made a part of them meanwhile."""
        try:
            return b"".join(self._objects.get(self._piece_key(path, each)) for each in offsets)
        except NotFound:
            raise Conflict("another request is writing to this media file") from None


def describe_objects(key: str, objects: list[StoredObject]) -> Arrival:
    """Return what a list of objects says about the file. Errors: NotFound.

    `upload_id` is not known yet: an empty text if there is one.
    """
    sizes = {each.key.removeprefix(key): each.size for each in objects}
    if "" not in sizes:
        raise NotFound("the media file does not exist")
    pieces = {
        int(name.removeprefix(PIECES_SUFFIX), 16): size
        for name, size in sizes.items()
        if name.startswith(PIECES_SUFFIX)
    }
    return Arrival(sizes[""], pieces, "" if UPLOAD_SUFFIX in sizes else None)


def read_piece(stream: ByteStream, size: int) -> tuple[bytes, Exception | None]:
    """Read up to `size` bytes. Return them, and why there are no more if the stream broke."""
    chunks: list[bytes] = []
    missing = size
    try:
        while missing and (chunk := stream.read(missing)):
            chunks.append(chunk)
            missing -= len(chunk)
    except Exception as error:  # noqa: BLE001 - raised again when the bytes before it are stored
        return b"".join(chunks), error
    return b"".join(chunks), None


def raise_lost_upload() -> None:
    """Errors: StorageUnavailable, always."""
    raise StorageUnavailable(LOST_TEXT, details={"reason": BROKEN_REASON})
