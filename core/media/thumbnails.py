"""Thumbnails of media files: made once, when somebody first looks, or by housekeeping."""

import time

from core.bootstrap import Services
from core.errors import NotFound, ServiceUnavailable, StorageUnavailable
from core.media.inspection import make_thumbnail
from core.media.uploads import get_row
from db.media.files import Media
from db.media.thumbnails import Thumbnails
from db.session import Database

CHORE_SECONDS = 10.0  # of a run; the next one, minutes later, continues


def get_thumbnail(
    database: Database, services: Services, media_id: int, *, user_id: int
) -> bytes | None:
    """Return the JPEG of a file; None if nothing of it can be shown, or not all of it is there.

    Errors: NotFound; ServiceUnavailable if it cannot be made now.
    """
    media = get_row(database, media_id, user_id=user_id)
    with database.transaction() as session:
        stored = Thumbnails(session).get(media_id)
    if stored is not None:
        return stored.image
    return store_thumbnail(database, services, media) if media.completed_at else None


def store_thumbnail(database: Database, services: Services, media: Media) -> bytes | None:
    """Errors: ServiceUnavailable."""
    try:
        image = make_thumbnail(services.media.find_source(media.path), user_id=media.user_id)
    except (NotFound, FileNotFoundError):
        image = None
    with database.transaction() as session:
        Thumbnails(session).add(media.id, image)
    return image


def add_missing_thumbnails(
    database: Database, services: Services, *, seconds: float = CHORE_SECONDS
) -> int:
    """Make thumbnails of complete files that have none, newest first; return how many."""
    deadline, total = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        with database.transaction() as session:
            media = Thumbnails(session).find_file_without()
        if media is None:
            break
        try:
            store_thumbnail(database, services, media)
        except (ServiceUnavailable, StorageUnavailable):
            break  # other files are being read, or the store is away; the next run continues
        total += 1
    return total
