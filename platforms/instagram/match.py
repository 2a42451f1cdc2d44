"""Which of the account's public posts is ours, if the answer to the publish call was lost.

No field leads from a container to its post. Source: Meta, IG Media, read 2026-09-11: `caption`
omits the `@` sign unless the reader has a role on the Page; the rest of the rule is inference.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from platforms.insights_base import PublicItem
from platforms.instagram.kinds import CAROUSEL, IMAGE, ITEM_ROLE, REELS, STORIES
from platforms.publishing import Publication

CLOCK_TOLERANCE = timedelta(seconds=30)  # a post may seem to be this much older than the call
PRODUCT_TYPES = {IMAGE: "FEED", CAROUSEL: "FEED", REELS: "REELS", STORIES: "STORY"}
MEDIA_TYPES = {IMAGE: "IMAGE", CAROUSEL: "CAROUSEL_ALBUM", REELS: "VIDEO"}  # a story may be both


def publish_began_at(publication: Publication) -> datetime:
    """Return when the post may have become public at the earliest."""
    part = publication.get_part(0)
    known_times = (
        publication.unsafe_at,
        part.created_at if part is not None else None,
        publication.started_at,
    )
    began_at = next((time for time in known_times if time is not None), publication.created_at)
    return began_at - CLOCK_TOLERANCE


def find_candidates(
    publication: Publication, items: Iterable[PublicItem]
) -> tuple[PublicItem, ...]:
    """Return the posts that may be ours; only a single one that no other post may be is ours.

    Shapes: `text` of an item is None if it could not be read, and "" if there is none.
    """
    return tuple(item for item in items if is_candidate(item, publication))


def is_candidate(item: PublicItem, publication: Publication) -> bool:
    return (
        item.id not in publication.evidence.known_ids
        and item.posted_at is not None
        and item.posted_at >= publish_began_at(publication)
        and has_same_kind(item, publication)
        and has_same_caption(item, publication)
    )


def has_same_kind(item: PublicItem, publication: Publication) -> bool:
    """Return whether nothing that is said of the item contradicts the post's kind."""
    kind = publication.kind.name
    expected: Mapping[str, Any] = {
        "product": PRODUCT_TYPES[kind],
        "media_type": MEDIA_TYPES.get(kind),
        "part_count": count_items(publication) if kind == CAROUSEL else None,
    }
    return all(
        value is None or getattr(item, name) in {None, value} for name, value in expected.items()
    )


def count_items(publication: Publication) -> int:
    return sum(item.role == ITEM_ROLE for item in publication.media)


def has_same_caption(item: PublicItem, publication: Publication) -> bool:
    """True also if captions cannot be read, and for stories, which have none."""
    if item.text is None or publication.kind.name == STORIES:
        return True
    return fold_text(item.text) == fold_text(publication.text)


def has_rival(publication: Publication, *, has_captions: bool) -> bool:
    """Return whether another post, whose outcome is not known either, could be the one found."""
    rivals = publication.evidence.rivals
    if not has_captions:
        return bool(rivals)
    return fold_text(publication.text) in map(fold_text, rivals)


def fold_text(text: str) -> str:
    """Return a text without `@` and with single blanks, as captions of two sources are compared."""
    return " ".join(unicodedata.normalize("NFC", text).replace("@", "").split())
