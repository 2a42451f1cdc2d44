"""Builds what a platform's publisher sees of a post: a `Publication`, made of the post's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.post_state.settle import PostState
from core.post_state.step_state import ABSENCES, UNSAFE_AT, UNSAFE_STEP
from db.accounts.accounts import Accounts
from db.accounts.destinations import StoredDestination
from db.media.files import Media, MediaFiles
from db.posts.destination_usage import DestinationUsage
from db.posts.parts import PostPart
from db.posts.posts import Post
from db.session import Session, database_now
from platforms.base import Phase
from platforms.publishing import Evidence, MediaItem, Part, Publication
from platforms.registry import PLATFORMS

EVIDENCE_WINDOW = timedelta(days=7)
"""How old other posts may be that could be mistaken for this one."""

PROBE_NAMES = {"codec": "video_codec"}
"""Our names of what was found in a file, where those of `MediaItem.probe` differ."""


@dataclass(frozen=True)
class StoredFile:
    """Where a media file of ours is in the media store, and its name for links."""

    media_id: int
    path: str
    filename: str


def load_publication(
    session: Session,
    post: Post,
    parts: Sequence[PostPart],
    files: Mapping[int, Media],
    *,
    destination: StoredDestination | None,
) -> Publication:
    """`destination` is None if the login itself is posted to.

    Errors: KeyError if the platform has no such kind of posts.
    """
    is_unconfirmed = UNSAFE_STEP in post.step_state
    needs_evidence = is_unconfirmed or (
        post.state == PostState.PUBLISHED and post.platform_post_id is None
    )
    return Publication(
        kind=PLATFORMS[post.provider].kinds[post.kind],
        text=post.title,
        destination_id=find_destination_id(session, post, destination),
        now=database_now(session),
        created_at=post.created_at,
        options=post.payload_json.get("options", {}),
        destination={} if destination is None else destination_facts(destination),
        media=tuple(build_media_item(part, files) for part in parts if has_media(part)),
        parts=tuple(build_part(part) for part in parts if part.handle or part.tries),
        phase=Phase(post.step) if post.step else None,
        is_unconfirmed=is_unconfirmed,
        started_at=post.started_at,
        unsafe_at=parse_time(post.step_state.get(UNSAFE_AT)),
        published_at=post.finished_at if post.state == PostState.PUBLISHED else None,
        times_absent=int(post.step_state.get(ABSENCES, 0)),
        post_ids=tuple(post.platform_post_ids),
        permalink=post.permalink,
        evidence=load_evidence(session, post) if needs_evidence else Evidence(),
    )


def load_files(session: Session, parts: Sequence[PostPart]) -> dict[int, Media]:
    """The media files of the parts, by id."""
    media_ids = {part.media_id for part in parts if part.media_id is not None}
    return MediaFiles(session).list_by_ids(media_ids) if media_ids else {}


def find_destination_id(session: Session, post: Post, destination: StoredDestination | None) -> str:
    """The platform's id of the account that is posted to."""
    if destination is not None:
        return destination.external_id
    account = Accounts(session).get(post.oauth_account_id)
    return "" if account is None else account.open_id


def destination_facts(destination: StoredDestination) -> dict[str, Any]:
    return {
        **destination.details,
        "name": destination.name,
        "handle": destination.handle,
        "account_type": destination.account_type,
    }


def load_evidence(session: Session, post: Post) -> Evidence:
    usage = DestinationUsage(session, post)
    since = (post.started_at or post.created_at) - EVIDENCE_WINDOW
    return Evidence(
        known_ids=usage.list_known_ids(since=since),
        has_other_unconfirmed=usage.has_other_unconfirmed(),
        rivals=usage.list_rival_texts(since=since),
    )


def has_media(part: PostPart) -> bool:
    return part.media_id is not None or part.url is not None


def build_media_item(part: PostPart, files: Mapping[int, Media]) -> MediaItem:
    media = files.get(part.media_id or 0)
    return MediaItem(
        position=part.position,
        role=part.role,
        media_id=part.media_id,
        url=part.url,
        size=media.size if media else None,
        content_type=media.content_type if media else None,
        alt_text=part.alt_text,
        options=part.options,
        probe=build_probe(media.probe if media else None),
    )


def build_probe(probe: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was found in the file, without what is not known."""
    return {
        PROBE_NAMES.get(name, name): value
        for name, value in (probe or {}).items()
        if value is not None
    }


def build_part(part: PostPart) -> Part:
    """The part without its upload URL, which is decrypted where it is used."""
    return Part(
        position=part.position,
        role=part.role,
        handle=part.handle,
        status=part.status,
        status_text=part.status_text,
        created_at=part.made_at,
        expires_at=part.expires_at,
        next_offset=part.next_offset,
        tries=part.tries,
    )


def list_stored_files(files: Mapping[int, Media]) -> dict[int, StoredFile]:
    return {
        media_id: StoredFile(media_id, media.path, media.filename)
        for media_id, media in files.items()
    }


def parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
