"""Media files after their upload: shared by links, converted, deleted, looked after."""

import time
from io import BytesIO
from pathlib import Path

from core import audit
from core.bootstrap import Services
from core.errors import Conflict, NotFound
from core.media import uploads
from core.media.file_names import display_filename
from core.media.inspection import convert_to_jpeg
from core.media.leftovers import delete_bytes
from db.media.files import Media, MediaFiles
from db.session import Database

DELETE_BATCH_SIZE = 50
CHORE_SECONDS = 10.0  # for each chore of a run; the next run, minutes later, continues


def convert_picture(
    database: Database, services: Services, media: Media, *, user_id: int
) -> Media | None:
    """Store a copy of a picture as JPEG and return its row; None if it cannot be read.

    Errors: ServiceUnavailable; StorageUnavailable, StorageBudgetExceeded, TooManyUploads.
    """
    data = convert_to_jpeg(services.media.find_source(media.path), user_id=user_id)
    if data is None:
        return None
    path = services.media.create_file()
    copy = uploads.add_file(
        database,
        services,
        path=path,
        user_id=user_id,
        filename=f"{Path(display_filename(media.filename)).stem}.jpg",
        content_type="image/jpeg",
        size=len(data),
    )
    services.media.append(path, 0, BytesIO(data), len(data))
    return uploads.get_inspected_file(database, services, copy.id, user_id=user_id)


def delete_file(database: Database, services: Services, media_id: int, *, user_id: int) -> None:
    """Errors: NotFound; Conflict while an unfinished post uses the file."""
    with database.transaction() as session:
        media = MediaFiles(session).lock_for_user(media_id, user_id=user_id)
        if media is None:
            raise NotFound("this user has no such media file")
        if MediaFiles(session).is_needed(media.id):
            raise Conflict("an unfinished post uses this file")
        MediaFiles(session).delete(media)
        audit.record_action(session, "file.deleted", user_id=user_id, subject=f"file:{media_id}")
    delete_bytes(services, [media.path])


def get_shared_file(database: Database, media_id: int) -> Media:
    """Return a complete file for a request with a signed link. Errors: NotFound."""
    with database.transaction() as session:
        media = MediaFiles(session).get(media_id)
    if media is None or media.completed_at is None:
        raise NotFound("the media file does not exist or is incomplete")
    return media


def sweep_expired_files(
    database: Database, services: Services, *, seconds: float = CHORE_SECONDS
) -> int:
    """Delete expired files, batch after batch, until none is left or the time is up.

    Return how many. Users may begin more uploads in the meantime than one batch holds.
    """
    deadline, total = time.monotonic() + seconds, 0
    while True:
        count = delete_expired_files(database, services)
        total += count
        if count < DELETE_BATCH_SIZE or time.monotonic() >= deadline:
            return total


def delete_expired_files(database: Database, services: Services) -> int:
    """Delete one batch: rows first, so that none names a missing file. Return how many files."""
    with database.transaction() as session:
        expired = MediaFiles(session).lock_expired(limit=DELETE_BATCH_SIZE)
        paths = [media.path for media in expired]
        for media in expired:
            MediaFiles(session).delete(media)
    return delete_bytes(services, paths)


def add_missing_digests(
    database: Database, services: Services, *, seconds: float = CHORE_SECONDS
) -> int:
    """Read complete files whose digest did not grow with their pieces; return how many.

    At least one file is read, however long it takes.
    """
    deadline, total = time.monotonic() + seconds, 0
    while True:
        with database.transaction() as session:
            media = MediaFiles(session).find_without_digest()
        if media is None:
            return total
        digest = read_digest(services, media)
        with database.transaction() as session:
            MediaFiles(session).store_digest(media.id, sha256=digest)
        total += 1
        if time.monotonic() >= deadline:
            return total


def read_digest(services: Services, media: Media) -> str:
    """Return the SHA-256 of the file; empty if the file is missing: it is not looked for again."""
    try:
        return services.media.sha256(media.path)
    except NotFound:
        return ""
