"""Reads the media files of ours that a step sends, or offers by a link."""

from core.bootstrap import Services
from core.errors import NotFound, OperationFailed
from core.media.links import build_media_link
from core.publishing.publication import StoredFile
from core.publishing.step_jobs import PlatformStepJob
from platforms.base import BytesLike
from platforms.publishing import MediaItem

SOURCE_CHANGED_CODE = "source_changed"


class FileReader:
    """Reads files of ours for one step. `stamps`: versions of the files that were read."""

    def __init__(self, job: PlatformStepJob, services: Services) -> None:
        self._job, self._services = job, services
        self.stamps: dict[int, str] = {}

    def read_bytes(self, item: MediaItem, first: int, last: int) -> BytesLike:
        """Errors: OperationFailed `source_changed` if the file is gone or has changed."""
        file = self._find_file(item)
        try:
            data = self._services.media.read(file.path, first, last)
            stamp = self._services.media.version_stamp(file.path)
        except NotFound as error:
            raise OperationFailed(str(error), code=SOURCE_CHANGED_CODE) from error
        known_stamp = self.stamps.get(file.media_id) or self._job.file_stamps.get(file.media_id)
        size_at_read = stamp.partition(":")[0]
        if known_stamp not in {None, stamp} or size_at_read != str(item.size):
            message = "the media file changed while it was being sent"
            raise OperationFailed(message, code=SOURCE_CHANGED_CODE)
        self.stamps[file.media_id] = stamp
        return data

    def build_link(self, item: MediaItem) -> str:
        file = self._find_file(item)
        return build_media_link(self._services, file.media_id, file.filename)

    def _find_file(self, item: MediaItem) -> StoredFile:
        file = self._job.files.get(item.media_id or 0)
        if file is None:
            message = "the media file does not exist any more"
            raise OperationFailed(message, code=SOURCE_CHANGED_CODE)
        return file
