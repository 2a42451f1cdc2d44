"""Media: files that posts are made of. They are sent in chunks, and an upload can be resumed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from signalpost_client.data_types import MediaData
from signalpost_client.transport import Transport, build_unexpected
from signalpost_client.uploads import (
    CHUNK_BYTES,
    MEDIA_TEMPLATE,
    VERSION_HEADERS,
    FileUpload,
    describe_file,
    read_offset,
)

ProgressCallback = Callable[[int, int], None]
"""Called with the bytes that have arrived and those of the whole file."""


@dataclass(frozen=True)
class MediaApi:
    transport: Transport

    def upload(
        self,
        file: Path | str,
        *,
        on_progress: ProgressCallback | None = None,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> int:
        """Upload a file, however long it takes, and return its media id.

        Errors: UploadStopped if nothing moved for too long; its `offset` is where to resume.
        """
        started = self.start_upload(file, chunk_bytes=chunk_bytes)
        return finish_upload(started, on_progress)

    def resume(
        self,
        media_id: int,
        file: Path | str,
        *,
        on_progress: ProgressCallback | None = None,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> int:
        """Send what is missing of a file whose upload was interrupted; return its media id."""
        resumed = self.resume_upload(media_id, file, chunk_bytes=chunk_bytes)
        return finish_upload(resumed, on_progress)

    def start_upload(self, file: Path | str, *, chunk_bytes: int = CHUNK_BYTES) -> FileUpload:
        """Announce a file; nothing of it is sent yet."""
        path = Path(file)
        size = path.stat().st_size
        response = self.transport.call("POST", "/api/media", headers=describe_file(path, size))
        media_id = response.headers.get("Location", "").rpartition("/")[2]
        if not media_id.isdecimal():
            raise build_unexpected(response)
        return FileUpload(self.transport, path, int(media_id), size, chunk_bytes=chunk_bytes)

    def resume_upload(
        self, media_id: int, file: Path | str, *, chunk_bytes: int = CHUNK_BYTES
    ) -> FileUpload:
        """Continue an upload at the offset that the server has reached."""
        path, offset = Path(file), self.get_offset(media_id)
        size = path.stat().st_size
        return FileUpload(self.transport, path, media_id, size, offset, chunk_bytes)

    def get(self, media_id: int) -> MediaData:
        """Return what is known of a file; `url` is a signed link to it."""
        return self.transport.fetch_data(
            MediaData, "GET", MEDIA_TEMPLATE, values={"media_id": media_id}
        )

    def get_offset(self, media_id: int) -> int:
        """Return how many bytes of a file have arrived."""
        values = {"media_id": media_id}
        return read_offset(
            self.transport.call("HEAD", MEDIA_TEMPLATE, values=values, headers=VERSION_HEADERS)
        )

    def delete(self, media_id: int) -> None:
        self.transport.call(
            "DELETE", MEDIA_TEMPLATE, values={"media_id": media_id}, headers=VERSION_HEADERS
        )


def finish_upload(upload: FileUpload, on_progress: ProgressCallback | None) -> int:
    """Send what is missing and return the media id."""
    if on_progress is not None:
        on_progress(upload.offset, upload.size)
    for offset in upload.send_chunks():
        if on_progress is not None:
            on_progress(offset, upload.size)
    return upload.media_id
