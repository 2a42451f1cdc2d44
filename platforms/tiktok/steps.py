"""Which step a TikTok post needs next, and which of them may be repeated. No calls.

A file of ours is announced (`start`), sent in chunks (`send`, `send_last`) and then followed
(`check`). A start with URLs makes TikTok fetch and publish them, so that it is unsafe; with a file
nothing can become public before its last chunk.
"""

from collections.abc import Mapping
from datetime import timedelta

from platforms.base import Chunk, Phase
from platforms.chunks import next_chunk, plan_chunks
from platforms.publishing import (
    CHECK_BEFORE_STEP,
    NO_STEP,
    RECONCILE_STEP,
    MediaItem,
    Part,
    Publication,
    Safety,
    StepRule,
)

START, SEND, SEND_LAST, CHECK = "start", "send", "send_last", "check"
STEPS: Mapping[str, StepRule] = {
    rule.name: rule
    for rule in (
        StepRule(CHECK_BEFORE_STEP, "creator", is_listed=False),
        StepRule(START, "init", is_listed=False),
        StepRule(SEND, "upload", is_upload=True, is_listed=False),
        StepRule(SEND_LAST, "upload", is_upload=True, is_listed=False),
        StepRule(CHECK, "status", is_listed=False),
        StepRule(RECONCILE_STEP, "status", is_listed=False),
    )
}
"""Timelines name what became of a post, as they always did, and not the steps."""

URL_INVALID = "UPLOAD_URL_INVALID"
"""Status that we give to a part whose upload URL no longer works; a check decides what follows."""

ENDED_PHASES = frozenset({Phase.DELIVERED, Phase.PUBLISHED, Phase.FAILED, Phase.CANCELLED})
MAX_DRAFT_AGE = timedelta(days=7)
DRAFT_CHECK_INTERVAL = timedelta(hours=6)  # a creator may post a delivered draft days later
MIN_VISIBLE_AGE = timedelta(seconds=60)  # a younger publish_id may not be visible yet


def find_next_step(publication: Publication) -> str:
    """Return the step that the post needs next."""
    part = publication.get_part(0)
    has_ended = publication.phase in ENDED_PHASES
    if part is None or part.handle is None:
        return NO_STEP if has_ended else START
    if has_ended:
        return CHECK if publication.is_recheck else NO_STEP
    chunk = find_next_chunk(publication)
    if chunk is None or not publication.is_offset_certain or part.status == URL_INVALID:
        return CHECK
    return SEND_LAST if is_last_chunk(publication, chunk) else SEND


def find_step_safety(step: str, publication: Publication) -> Safety:
    if step == SEND_LAST:
        return Safety.UNSAFE
    if step == START:
        return Safety.UNSAFE if is_fetched(publication) else Safety.REPLACEABLE
    return Safety.SAFE


def find_file(publication: Publication) -> MediaItem | None:
    """Return the file that is sent, by us or by the client; None if TikTok fetches the media."""
    return next((item for item in publication.media if item.url is None), None)


def is_fetched(publication: Publication) -> bool:
    """Return whether TikTok fetches the media from URLs."""
    return find_file(publication) is None


def find_next_chunk(publication: Publication) -> Chunk | None:
    """Return the chunk of ours that TikTok waits for; None if it waits for none."""
    item, part = find_file(publication), publication.get_part(0)
    if item is None or not item.is_ours or part is None or part.upload_url is None:
        return None
    is_receiving = publication.phase in {None, Phase.RECEIVING}
    if not is_receiving or item.size is None or part.next_offset >= item.size:
        return None
    return next_chunk(plan_chunks(item.size), item.size, part.next_offset)


def is_last_chunk(publication: Publication, chunk: Chunk) -> bool:
    item = find_file(publication)
    return item is not None and item.size is not None and chunk.last == item.size - 1


def find_age(publication: Publication) -> timedelta:
    """Return the time since the start was sent; the request may be weeks older."""
    return publication.now - (publication.started_at or publication.created_at)


def is_url_expired(part: Part, publication: Publication) -> bool:
    return part.expires_at is not None and publication.now >= part.expires_at
