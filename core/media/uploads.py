"""Uploads of media files in chunks: begin, append, inspect when complete.

The file itself shows how much of it has arrived. After a crash its row may lag behind, never be
ahead; the next request corrects the row.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from core.bootstrap import Services
from core.config.limits import LimitSettings
from core.config.settings import Settings
from core.errors import (
    Invalid,
    NotFound,
    ServiceUnavailable,
    StorageBudgetExceeded,
    TooLarge,
    TooManyUploads,
)
from core.media.file_names import ACCEPTED_CONTENT_TYPES, display_filename, read_type_hint
from core.media.inspection import PROBE_TIMEOUT_SECONDS, probe_media
from core.media.rule_check import CONTENT_TYPE_BY_CONTAINER
from core.media_store.store import ByteStream, require_end
from db.media.files import Media, MediaFiles
from db.session import Database, Session
from platforms.media_rules import MediaRule
from platforms.registry import PLATFORMS

RETENTION_PERIOD = timedelta(days=7)
PROBE_AFTER_UPLOAD_SECONDS = 1.0  # the answer to the last chunk does not wait longer
RETRY_AFTER_FULL = timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class UploadMetadata:
    """The size, name and type that the client announces for the file it will send."""

    size: int
    filename: str = ""
    content_type: str | None = None


def begin_upload(
    database: Database, services: Services, metadata: UploadMetadata, *, user_id: int
) -> Media:
    """Create an empty file and its row.

    Errors: TooLarge; Invalid (content type); StorageBudgetExceeded, TooManyUploads (of this user);
    StorageUnavailable (no room); Misconfigured.
    """
    max_size = largest_file_size(services.settings)
    if metadata.size > max_size:
        message = f"a file may have at most {max_size} bytes"
        raise TooLarge(message, code="file_too_large", details={"largest": max_size})
    content_type = read_type_hint(metadata.content_type, metadata.filename)
    if content_type is None:
        fields = {"filetype": "must be one of " + ", ".join(sorted(ACCEPTED_CONTENT_TYPES))}
        raise Invalid("no platform accepts files of this type", details={"fields": fields})
    services.media.require_space(metadata.size)
    return add_file(
        database,
        services,
        path=services.media.create_file(),
        user_id=user_id,
        filename=display_filename(metadata.filename),
        content_type=content_type,
        size=metadata.size,
    )


def add_file(database: Database, services: Services, *, path: str, **columns: Any) -> Media:
    """Add the row of a new file, or delete the file if its user has no budget for it.

    Errors: StorageBudgetExceeded, TooManyUploads.
    """
    limits = services.settings.limits
    with ExitStack() as undo:
        undo.callback(services.media.delete, path)
        with database.transaction() as session:
            check_budget(session, limits, user_id=columns["user_id"], size=columns["size"])
            media = MediaFiles(session).add(
                lifetime=limits.media_unfinished_lifetime, path=path, **columns
            )
        undo.pop_all()
    return media


def check_budget(session: Session, limits: LimitSettings, *, user_id: int, size: int) -> None:
    """Check what the user stores; concurrent requests of a user are checked one after another.

    Errors: StorageBudgetExceeded, TooManyUploads.
    """
    use = MediaFiles(session).lock_and_measure_use(user_id)
    if use.unfinished >= limits.media_user_max_unfinished:
        raise TooManyUploads(
            f"{use.unfinished} uploads of this user are unfinished, and at most"
            f" {limits.media_user_max_unfinished} may be: finish or delete one of them",
            details={"unfinished": use.unfinished, "largest": limits.media_user_max_unfinished},
            retry_after=RETRY_AFTER_FULL,
        )
    if use.bytes + size > limits.media_user_max_bytes:
        raise StorageBudgetExceeded(
            f"the files of this user have {use.bytes} bytes and may have"
            f" {limits.media_user_max_bytes}: {size} more do not fit; delete files, or wait until"
            " they expire",
            details={"used": use.bytes, "largest": limits.media_user_max_bytes, "size": size},
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


def append_chunk(
    database: Database,
    services: Services,
    media_id: int,
    stream: ByteStream,
    *,
    offset: int,
    user_id: int,
) -> Media:
    """Append bytes at `offset`; inspect a file that is complete then, for a short time.

    Errors: NotFound; Conflict with the file's offset if it differs; TooLarge; StorageUnavailable.
    """
    media = get_row(database, media_id, user_id=user_id)
    if media.completed_at is not None and offset == media.size:
        require_end(stream)
        return media
    stored_size = services.media.append(media.path, offset, stream, media.size)
    media = record_progress(database, services, media, stored_size=stored_size)
    if media.completed_at is None:
        return media
    try:
        return inspect_file(database, services, media, timeout=PROBE_AFTER_UPLOAD_SECONDS)
    except ServiceUnavailable:
        log.info("media.inspection_postponed", media=media.id)
        return media


def get_file(database: Database, services: Services, media_id: int, *, user_id: int) -> Media:
    """Return the row, with what the file has; reads none of its bytes. Errors: NotFound."""
    media = get_row(database, media_id, user_id=user_id)
    if media.completed_at is not None:
        return media
    stored_size = services.media.size(media.path)
    if stored_size == media.offset < media.size:
        return media
    return record_progress(database, services, media, stored_size=stored_size)


def get_inspected_file(
    database: Database,
    services: Services,
    media_id: int,
    *,
    user_id: int,
    timeout: float = PROBE_TIMEOUT_SECONDS,
) -> Media:
    """Like `get_file`; inspect a complete file that was not inspected in time before.

    Units: `timeout` in seconds. Errors: NotFound; ServiceUnavailable.
    """
    media = get_file(database, services, media_id, user_id=user_id)
    if media.completed_at is None:
        return media
    return inspect_file(database, services, media, timeout=timeout)


def get_row(database: Database, media_id: int, *, user_id: int) -> Media:
    """Errors: NotFound."""
    with database.transaction() as session:
        media = MediaFiles(session).get_for_user(media_id, user_id=user_id)
    if media is None:
        raise NotFound("this user has no such media file")
    return media


def record_progress(
    database: Database, services: Services, media: Media, *, stored_size: int
) -> Media:
    """Write down how much has arrived; the digest grew with the pieces or is added later.

    Errors: NotFound.
    """
    is_complete = stored_size == media.size
    if is_complete:
        services.media.finish(media.path, media.size)
    digest = services.media.take_digest(media.path, media.size) if is_complete else None
    with database.transaction() as session:
        row = MediaFiles(session).lock_for_user(media.id, user_id=media.user_id)
        if row is None:
            raise NotFound("this user has no such media file")
        row.offset = max(row.offset, stored_size)
        if is_complete:
            MediaFiles(session).mark_complete(row, sha256=digest, lifetime=RETENTION_PERIOD)
        else:
            MediaFiles(session).extend_upload(
                row,
                lifetime=services.settings.limits.media_unfinished_lifetime,
                longest=RETENTION_PERIOD,
            )
        session.flush()
        session.refresh(row)
        return row


def inspect_file(database: Database, services: Services, media: Media, *, timeout: float) -> Media:
    """Return the row with what the bytes of the complete file say; only now its type is known.

    Units: `timeout` in seconds. Errors: ServiceUnavailable if that takes longer; NotFound.
    """
    if media.inspected_at is not None or media.probe is not None:
        return media
    media_info = probe_media(
        services.media.find_source(media.path), user_id=media.user_id, timeout=timeout
    )
    with database.transaction() as session:
        row = MediaFiles(session).lock_for_user(media.id, user_id=media.user_id)
        if row is None:
            raise NotFound("this user has no such media file")
        MediaFiles(session).store_inspection(
            row, media_info, content_type=find_content_type(media_info, row.content_type)
        )
        session.flush()
        session.refresh(row)
        return row


def find_content_type(media_info: dict[str, Any] | None, hint: str) -> str:
    """Return the type that the bytes say; the client's hint if they say nothing."""
    if media_info is None:
        return hint
    container = str(media_info.get("container"))
    return CONTENT_TYPE_BY_CONTAINER.get(container, f"{media_info['kind']}/x-{container}")
