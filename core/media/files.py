"""Media files that users upload in chunks: begin, append, inspect, delete.

The file itself shows how much of it has arrived. After a crash its row may lag behind, never be
ahead; the next request corrects the row.
"""

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from core.bootstrap import Services
from core.config.settings import Settings
from core.errors import Conflict, Invalid, NotFound, TooLarge
from core.media.inspection import convert_to_jpeg, probe_media
from core.media.rule_check import CONTENT_TYPE_BY_CONTAINER
from core.media_store import ByteStream
from db.media.files import Media, MediaFiles
from db.session import Database
from platforms.media_rules import MediaRule
from platforms.registry import PLATFORMS

RETENTION_PERIOD = timedelta(days=7)
ACCEPTED_CONTENT_TYPES = frozenset(CONTENT_TYPE_BY_CONTAINER.values())
UNKNOWN_CONTENT_TYPE = "application/octet-stream"
MAX_FILENAME_LENGTH = 255
DELETE_BATCH_SIZE = 50


@dataclass(frozen=True, kw_only=True)
class UploadMetadata:
    """The size, name and type that the client announces for the file it will send."""

    size: int
    filename: str = ""
    content_type: str | None = None


def begin_upload(
    database: Database, services: Services, metadata: UploadMetadata, *, user_id: int
) -> Media:
    """Create an empty file and its row. Errors: TooLarge; Invalid (content type); Misconfigured."""
    max_size = largest_file_size(services.settings)
    if metadata.size > max_size:
        message = f"a file may have at most {max_size} bytes"
        raise TooLarge(message, details={"largest": max_size})
    name = display_filename(metadata.filename)
    content_type = metadata.content_type or guess_type(name)[0] or UNKNOWN_CONTENT_TYPE
    if content_type not in ACCEPTED_CONTENT_TYPES | {UNKNOWN_CONTENT_TYPE}:
        fields = {"filetype": "must be one of " + ", ".join(sorted(ACCEPTED_CONTENT_TYPES))}
        raise Invalid("no platform accepts files of this type", details={"fields": fields})
    path = services.media.create_file()
    with database.transaction() as session:
        return MediaFiles(session).add(
            lifetime=RETENTION_PERIOD,
            user_id=user_id,
            filename=name,
            content_type=content_type,
            size=metadata.size,
            path=path,
        )


def largest_file_size(settings: Settings) -> int:
    """Return how many bytes a file may have: the most that any platform takes."""
    return max(
        read_max_bytes(rule, settings.of_platform(name))
        for name, platform in PLATFORMS.items()
        for rule in platform.media_rules.values()
    )


def read_max_bytes(rule: MediaRule, platform_settings: Any) -> int:
    """Return the rule's limit, or that of the setting that the rule names."""
    if rule.max_bytes_setting is None:
        return rule.max_bytes
    return int(getattr(platform_settings, rule.max_bytes_setting))


def display_filename(filename: str) -> str:
    """Return a name to show: without directories and unprintable characters."""
    basename = filename.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in basename if character.isprintable())
    return printable.strip()[:MAX_FILENAME_LENGTH] or "file"


def append_chunk(
    database: Database,
    services: Services,
    media_id: int,
    stream: ByteStream,
    *,
    offset: int,
    user_id: int,
) -> Media:
    """Append bytes at `offset`.

    Errors: NotFound; Conflict with the file's offset if it differs; TooLarge.
    """
    media = get_file(database, services, media_id, user_id=user_id)
    if media.completed_at is not None and offset == media.size:
        return media
    services.media.append(media.path, offset, stream, media.size)
    return get_file(database, services, media_id, user_id=user_id)


def get_file(database: Database, services: Services, media_id: int, *, user_id: int) -> Media:
    """Return the row, brought up to date with its file. Errors: NotFound."""
    with database.transaction() as session:
        media = MediaFiles(session).get_for_user(media_id, user_id=user_id)
    if media is None:
        raise NotFound("this user has no such media file")
    stored_size = services.media.size(media.path)
    if media.completed_at is not None or stored_size == media.offset < media.size:
        return media
    return sync_media_row(database, services, media, stored_size=stored_size)


def sync_media_row(
    database: Database, services: Services, media: Media, *, stored_size: int
) -> Media:
    """Update a row from its file; a complete file is hashed and probed before the transaction."""
    is_complete = stored_size == media.size
    digest = services.media.sha256(media.path) if is_complete else None
    media_info = probe_media(services.media.local_path(media.path)) if is_complete else None
    with database.transaction() as session:
        row = MediaFiles(session).lock_for_user(media.id, user_id=media.user_id)
        if row is None:
            raise NotFound("this user has no such media file")
        row.offset = max(row.offset, stored_size)
        row.content_type = CONTENT_TYPE_BY_CONTAINER.get(
            (media_info or {}).get("container", ""), row.content_type
        )
        if digest is not None and row.completed_at is None:
            MediaFiles(session).mark_complete(row, sha256=digest, probe=media_info)
        MediaFiles(session).extend_expiry(row, lifetime=RETENTION_PERIOD)
        session.flush()
        session.refresh(row)
        return row


def convert_picture(
    database: Database, services: Services, media: Media, *, user_id: int
) -> Media | None:
    """Store a copy of a picture as JPEG and return its row; None if it cannot be read."""
    data = convert_to_jpeg(services.media.local_path(media.path))
    if data is None:
        return None
    path = services.media.create_file()
    services.media.append(path, 0, BytesIO(data), len(data))
    with database.transaction() as session:
        copy = MediaFiles(session).add(
            lifetime=RETENTION_PERIOD,
            user_id=user_id,
            filename=f"{Path(media.filename).stem}.jpg",
            content_type="image/jpeg",
            size=len(data),
            path=path,
        )
        copy.offset = len(data)
    return get_file(database, services, copy.id, user_id=user_id)


def delete_file(database: Database, services: Services, media_id: int, *, user_id: int) -> None:
    """Errors: NotFound; Conflict while an unfinished post uses the file."""
    with database.transaction() as session:
        media = MediaFiles(session).lock_for_user(media_id, user_id=user_id)
        if media is None:
            raise NotFound("this user has no such media file")
        if MediaFiles(session).is_needed(media.id):
            raise Conflict("an unfinished post uses this file")
        MediaFiles(session).delete(media)
    services.media.delete(media.path)


def get_shared_file(database: Database, media_id: int) -> Media:
    """Return a complete file for a request with a signed link. Errors: NotFound."""
    with database.transaction() as session:
        media = MediaFiles(session).get(media_id)
    if media is None or media.completed_at is None:
        raise NotFound("the media file does not exist or is incomplete")
    return media


def delete_expired_files(database: Database, services: Services) -> int:
    """Delete expired files: rows first, so that none names a missing file. Return how many."""
    with database.transaction() as session:
        expired = MediaFiles(session).lock_expired(limit=DELETE_BATCH_SIZE)
        paths = [media.path for media in expired]
        for media in expired:
            MediaFiles(session).delete(media)
    for path in paths:
        services.media.delete(path)
    return len(paths)
