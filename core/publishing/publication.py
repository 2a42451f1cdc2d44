"""Builds what a platform's publisher sees of a post: a `Publication`, made of the post's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.accounts.posting_tokens import PostingToken
from core.media.file_names import link_filename
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import ABSENCES, OFFSET_CONFIRMED, UNSAFE_AT, UNSAFE_STEP
from db.accounts.accounts import Accounts
from db.accounts.destinations import StoredDestination
from db.media.files import Media, MediaFiles
from db.posts.parts import PostPart, PostParts
from db.posts.posts import Post
from db.publishing.destination_usage import DestinationUsage
from db.records.evidence import list_named_handles, list_public_items
from db.session import Session, database_now
from platforms.base import Phase
from platforms.insights_base import PublicItem
from platforms.platform import Platform
from platforms.publishing import Evidence, MediaItem, Part, Publication
from platforms.registry import PLATFORMS

EVIDENCE_WINDOW = timedelta(days=7)
"""How old other posts may be that could be mistaken for this one."""

CLOCK_TOLERANCE = timedelta(seconds=30)  # a report may seem to be this much older than the start
OPTIONS_KEY = "options"  # in `payload_json`; without it the platform stores fields of its own
PHASE_BY_FINAL_STATE: Mapping[str, Phase] = {
    PostState.PUBLISHED: Phase.PUBLISHED,
    PostState.FAILED: Phase.FAILED,
    PostState.CANCELLED: Phase.CANCELLED,
}
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
    platform = PLATFORMS[post.provider]
    is_unconfirmed = UNSAFE_STEP in post.step_state
    needs_evidence = is_unconfirmed or (
        post.state == PostState.PUBLISHED and post.platform_post_id is None
    )
    return Publication(
        kind=platform.kinds[post.kind],
        text=post.title,
        destination_id=find_destination_id(session, post, destination),
        now=database_now(session),
        created_at=post.created_at,
        options=post.payload_json.get(OPTIONS_KEY, post.payload_json),
        destination={} if destination is None else destination_facts(destination),
        media=build_media(platform, post, parts, files),
        parts=build_parts(post, parts),
        phase=find_phase(post),
        is_unconfirmed=is_unconfirmed,
        started_at=post.started_at,
        unsafe_at=parse_time(post.step_state.get(UNSAFE_AT)),
        published_at=post.finished_at if post.state == PostState.PUBLISHED else None,
        times_absent=int(post.step_state.get(ABSENCES, 0)),
        is_offset_certain=post.attempts <= 1 or OFFSET_CONFIRMED in post.step_state,
        is_recheck=post.state in FINAL_STATES,
        post_ids=tuple(post.platform_post_ids),
        permalink=post.permalink,
        evidence=load_evidence(session, post) if needs_evidence else Evidence(),
    )


def find_phase(post: Post) -> Phase | None:
    """How far the post is; a post that has ended is over, whatever was reported last."""
    reported = Phase(post.step) if post.step else None
    if reported is Phase.DELIVERED and post.state == PostState.PUBLISHED:
        return reported
    return PHASE_BY_FINAL_STATE.get(post.state, reported)


def load_post_publication(session: Session, post: Post, token: PostingToken) -> Publication:
    parts = PostParts(session).list_by_post(post.id)
    files = load_files(session, post, parts)
    return load_publication(session, post, parts, files, destination=token.destination)


def load_files(session: Session, post: Post, parts: Sequence[PostPart]) -> dict[int, Media]:
    """The media files of the post and its parts, by id."""
    ids = {post.media_id, *(part.media_id for part in parts)}
    media_ids = {media_id for media_id in ids if media_id is not None}
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
    began_at = post.started_at or post.created_at
    since = began_at - EVIDENCE_WINDOW
    return Evidence(
        known_ids=usage.list_known_ids(since=since),
        named_handles=tuple(list_named_handles(session, post, since=began_at - CLOCK_TOLERANCE)),
        has_other_unconfirmed=usage.has_other_unconfirmed(),
        public_items=tuple(
            PublicItem(**row._asdict())
            for row in list_public_items(session, post, since=began_at - CLOCK_TOLERANCE)
        ),
        rivals=usage.list_rival_texts(since=since),
    )


def build_media(
    platform: Platform, post: Post, parts: Sequence[PostPart], files: Mapping[int, Media]
) -> tuple[MediaItem, ...]:
    """The media items of a post. One whose platform stores its own fields has them in these."""
    items = tuple(build_media_item(part, files) for part in parts if has_media(part))
    if items or platform.list_stored_urls is None:
        return items
    role = platform.kinds[post.kind].slots[0].role
    urls = platform.list_stored_urls(post.payload_json)
    if urls:
        return tuple(MediaItem(number, role, url=url) for number, url in enumerate(urls))
    media = files.get(post.media_id or 0)
    file = MediaItem(
        position=0,
        role=role,
        media_id=post.media_id,
        size=post.bytes_total,
        content_type=media.content_type if media else None,
        probe=build_probe(media.probe if media else None),
    )
    return (file,)


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


def build_parts(post: Post, parts: Sequence[PostPart]) -> tuple[Part, ...]:
    """The parts that were made. A post of an earlier version has no rows of them."""
    made = tuple(build_part(part) for part in parts if part.handle or part.tries)
    if made or post.publish_id is None:
        return made
    role = PLATFORMS[post.provider].kinds[post.kind].slots[0].role
    part = Part(0, role, handle=post.publish_id, expires_at=post.url_expires_at)
    return (replace(part, next_offset=post.bytes_sent),)


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
        media_id: StoredFile(
            media_id, media.path, link_filename(media.filename, media.content_type)
        )
        for media_id, media in files.items()
    }


def parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
