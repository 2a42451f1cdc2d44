"""Upload of a file in chunks with tus 1.0; goes on after whatever passes.

Source: the specification of tus.io, "Core Protocol" 1.0.0 (read 2026-11-29).
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from mimetypes import guess_type
from pathlib import Path
from typing import Any

import requests

from signalpost_client.errors import (
    ApiError,
    ClientError,
    ConnectionLost,
    UnexpectedResponse,
    UploadStopped,
)
from signalpost_client.transport import Transport, build_unexpected

CHUNK_BYTES = 8 * 1024 * 1024
MEDIA_TEMPLATE = "/api/media/{media_id}"
VERSION_HEADERS = {"Tus-Resumable": "1.0.0"}
CHUNK_HEADERS = {**VERSION_HEADERS, "Content-Type": "application/offset+octet-stream"}
FIRST_RETRY_DELAY, LONGEST_RETRY_DELAY = 1.0, 60.0  # seconds, doubled by each failure
MAX_WAIT = 1800.0  # seconds in all without a byte taken: then a person has to look
CONFLICT, CONTENT_TOO_LARGE = 409, 413
FIRST_SERVER_ERROR = 500
PASSING_STATUSES = frozenset({408, 423, 425, 429})


class ChunkDelayed(Exception):
    """The server takes no bytes now, but may later. Units: seconds; None if it does not say."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass
class FileUpload:
    """A file on its way to the server, which has its first `offset` bytes. Units: bytes.

    Errors of all methods: ApiError, UnexpectedResponse with a refusal that is final.
    """

    transport: Transport
    file: Path
    media_id: int
    size: int
    offset: int = 0
    chunk_bytes: int = CHUNK_BYTES

    def send_chunks(self) -> Iterator[int]:
        """Send what is missing, and yield the offset after each chunk, up to the file's size.

        A lost connection, a busy server or a full disk is waited for. Errors: UploadStopped if the
        server took nothing for too long.
        """
        with self.file.open("rb") as source:
            while self.offset < self.size:
                source.seek(self.offset)
                self.offset = self.send_until_accepted(source.read(self.chunk_bytes))
                yield self.offset

    def send_until_accepted(self, chunk: bytes) -> int:
        """Send a chunk, again if need be; return the offset that the server has reached.

        After a failure the server is asked first: some of the chunk may have arrived.
        Errors: UploadStopped.
        """
        failures, waited = 0, 0.0
        while True:
            try:
                if failures and (reached := self.query_offset()) != self.offset:
                    return reached
                return self.send_chunk(chunk)
            except ChunkDelayed as delay:
                seconds = delay.seconds
            if seconds is None:
                seconds = min(FIRST_RETRY_DELAY * 2**failures, LONGEST_RETRY_DELAY)
            failures, waited = failures + 1, waited + seconds
            if waited > MAX_WAIT:
                text = f"the upload stands at {self.offset} bytes: the server has taken no more for"
                raise UploadStopped(f"{text} {MAX_WAIT // 60:.0f} minutes", offset=self.offset)
            self.transport.sleep(seconds)

    def send_chunk(self, chunk: bytes) -> int:
        """Send one chunk and return the offset that the server has reached.

        As a stream it is sent in small blocks, each of which may take as long as the time-out is:
        of bytes, all together may, which slow lines exceed. Errors: ChunkDelayed.
        """
        headers = {**CHUNK_HEADERS, "Upload-Offset": str(self.offset)}
        try:
            return read_offset(self._send("PATCH", headers=headers, data=BytesIO(chunk)))
        except ApiError as error:
            if error.status != CONFLICT:
                raise
            reached = self.query_offset()
            if reached == self.offset:  # another request still writes
                raise ChunkDelayed(error.retry_after) from error
            return reached
        except UnexpectedResponse as error:
            if error.status != CONTENT_TOO_LARGE:
                raise
            text = f"a proxy in front of signalpost answered 413 to {len(chunk)} bytes from offset"
            raise UnexpectedResponse(
                f"{text} {self.offset}; it has to accept request bodies of"
                f" {self.chunk_bytes // 1024**2} MiB",
                status=error.status,
            ) from error

    def query_offset(self) -> int:
        """Ask how many bytes the server has. Errors: ChunkDelayed."""
        return read_offset(self._send("HEAD", headers=VERSION_HEADERS))

    def _send(self, method: str, **options: Any) -> requests.Response:
        """Send a call once. Errors: ChunkDelayed for whatever may pass."""
        values = {"media_id": self.media_id}
        request = self.transport.build_request(method, MEDIA_TEMPLATE, values=values, **options)
        try:
            return self.transport.send(request)
        except ClientError as error:
            if can_pass(error):
                raise ChunkDelayed(getattr(error, "retry_after", None)) from error
            raise


def can_pass(error: ClientError) -> bool:
    """Whether the same bytes may be taken later."""
    if isinstance(error, ConnectionLost):
        return True
    status = getattr(error, "status", 0)
    is_final = isinstance(error, ApiError) and not error.retryable
    return status in PASSING_STATUSES or (status >= FIRST_SERVER_ERROR and not is_final)


def read_offset(response: requests.Response) -> int:
    """Errors: UnexpectedResponse."""
    value = response.headers.get("Upload-Offset", "")
    if not (value.isascii() and value.isdecimal()):
        raise build_unexpected(response)
    return int(value)


def describe_file(file: Path, size: int) -> dict[str, str]:
    """Return the headers that announce a file."""
    content_type = guess_type(file.name)[0] or "application/octet-stream"
    fields = {"filename": file.name, "filetype": content_type}
    metadata = ",".join(
        f"{key} {b64encode(value.encode()).decode()}" for key, value in fields.items()
    )
    return {**VERSION_HEADERS, "Upload-Length": str(size), "Upload-Metadata": metadata}
