"""Files that people give us, piece by piece. How much is there, the file itself says.

A row may lag behind its file after a crash, never the other way round; the next look mends it.
"""

from dataclasses import dataclass
from datetime import timedelta
from mimetypes import guess_type

from core.errors import Conflict, Invalid, NotFound, TooLarge
from core.media import films
from core.store import Stream
from core.wiring import World
from db.media import Media, Medias
from db.session import Database

KEEP = timedelta(days=7)
TYPES = frozenset(films.CONTAINERS.values())
UNKNOWN = "application/octet-stream"
LONGEST_NAME = 255
SWEEP = 50


@dataclass(frozen=True, kw_only=True)
class Announced:
    """What is about to come, in its sender's words."""

    size: int
    filename: str = ""
    content_type: str | None = None


def begin(database: Database, world: World, announced: Announced, *, user_id: int) -> Media:
    """Errors: TooLarge; Invalid for a type that no platform takes; Misconfigured."""
    largest = world.settings.limits.tiktok_max_video_bytes
    if announced.size > largest:
        raise TooLarge(f"more than {largest} bytes", details={"largest": largest})
    name = plain(announced.filename)
    kind = announced.content_type or guess_type(name)[0] or UNKNOWN
    if kind not in TYPES | {UNKNOWN}:
        fields = {"filetype": "must be one of " + ", ".join(sorted(TYPES))}
        raise Invalid("no platform takes such files", details={"fields": fields})
    path = world.media.new_path()
    with database.transaction() as session:
        return Medias(session).add(
            keep=KEEP,
            user_id=user_id,
            filename=name,
            content_type=kind,
            size=announced.size,
            path=path,
        )


def plain(filename: str) -> str:
    """A name to show: no folders, nothing that cannot be printed."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    shown = "".join(sign for sign in last if sign.isprintable())
    return shown.strip()[:LONGEST_NAME] or "file"


def append(
    database: Database, world: World, media_id: int, stream: Stream, *, offset: int, user_id: int
) -> Media:
    """Errors: NotFound; Conflict with the true offset, if it is another; TooLarge."""
    media = look(database, world, media_id, user_id=user_id)
    if media.completed_at is not None and offset == media.size:
        return media
    world.media.append(media.path, offset, stream, media.size)
    return look(database, world, media_id, user_id=user_id)


def look(database: Database, world: World, media_id: int, *, user_id: int) -> Media:
    """The file as it is; one that has just become whole is looked into. Errors: NotFound."""
    with database.transaction() as session:
        media = Medias(session).owned(media_id, user_id=user_id)
    if media is None:
        raise NotFound("no such file")
    there = world.media.size(media.path)
    if media.completed_at is not None or there == media.offset < media.size:
        return media
    return noted(database, world, media, there=there)


def noted(database: Database, world: World, media: Media, *, there: int) -> Media:
    """The row catches up with its file, which is read before any transaction is open."""
    is_whole = there == media.size
    digest = world.media.sha256(media.path) if is_whole else None
    seen = films.probe(world.media.file(media.path)) if is_whole else None
    with database.transaction() as session:
        row = Medias(session).locked(media.id, user_id=media.user_id)
        if row is None:
            raise NotFound("no such file")
        row.offset = max(row.offset, there)
        row.content_type = films.CONTAINERS.get((seen or {}).get("container", ""), row.content_type)
        if digest is not None and row.completed_at is None:
            Medias(session).complete(row, sha256=digest, probe=seen)
        Medias(session).touch(row, keep=KEEP)
        session.flush()
        session.refresh(row)
        return row


def delete(database: Database, world: World, media_id: int, *, user_id: int) -> None:
    """Errors: NotFound; Conflict while a post needs it."""
    with database.transaction() as session:
        media = Medias(session).locked(media_id, user_id=user_id)
        if media is None:
            raise NotFound("no such file")
        if Medias(session).is_needed(media.id):
            raise Conflict("a post still needs this file")
        Medias(session).delete(media)
    world.media.delete(media.path)


def shared(database: Database, media_id: int) -> Media:
    """For whoever holds a signed link to it. Errors: NotFound."""
    with database.transaction() as session:
        media = Medias(session).get(media_id)
    if media is None or media.completed_at is None:
        raise NotFound("no such file")
    return media


def sweep(database: Database, world: World) -> int:
    """Delete files whose days are over: rows first, so that none points nowhere. How many."""
    with database.transaction() as session:
        over = Medias(session).expired(limit=SWEEP)
        paths = [media.path for media in over]
        for media in over:
            Medias(session).delete(media)
    for path in paths:
        world.media.delete(path)
    return len(paths)
