"""Rows of `ig_media` for posts that were published through us."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from db.posts.posts import Post
from db.records.instagram_tables import IgMedia
from db.session import Session

MEDIA_TYPES = ("IMAGE", "VIDEO", "CAROUSEL_ALBUM", "REELS")
PRODUCT_TYPES = ("AD", "FEED", "STORY", "REELS")
"""What the CHECK constraints allow; another value of the vendor is stored as not known."""

TYPES_BY_KIND: Mapping[str, tuple[str, str]] = {
    "IMAGE": ("IMAGE", "FEED"),
    "REELS": ("VIDEO", "REELS"),
    "STORIES": ("IMAGE", "STORY"),
    "CAROUSEL": ("CAROUSEL_ALBUM", "FEED"),
}
"""Kind of the post → media type and product type, until the platform has reported them."""

OPTIONAL_COLUMNS = ("shortcode", "thumbnail_url")


def save_published_media(
    session: Session, post: Post, *, posted_at: datetime | None, details: Mapping[str, Any]
) -> None:
    """Insert the row, or link the row that a sync has stored before. Known facts are kept.

    Does nothing for a post without an Instagram account: it was erased meanwhile.
    """
    if post.destination_id is None:
        return
    media_type, product_type = TYPES_BY_KIND.get(post.kind, ("IMAGE", "FEED"))
    values: dict[str, Any] = {
        "instagram_account_id": post.destination_id,
        "post_id": post.id,
        "ig_id": post.platform_post_id,
        "media_type": known_value(details.get("media_type"), MEDIA_TYPES) or media_type,
        "media_product_type": known_value(details.get("media_product_type"), PRODUCT_TYPES)
        or product_type,
        "caption": details.get("caption") or post.title or None,
        "permalink": post.permalink,
        "timestamp": posted_at,
        **{name: details.get(name) for name in OPTIONAL_COLUMNS},
    }
    statement = insert(IgMedia).values(**values)
    new = statement.excluded
    merged = {
        name: func.coalesce(getattr(new, name), getattr(IgMedia, name))
        for name in ("caption", "permalink", "timestamp", *OPTIONAL_COLUMNS)
    }
    reported = {
        name: values[name] for name in ("media_type", "media_product_type") if name in details
    }
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[IgMedia.ig_id],
            set_={**merged, **reported, "ledger_id": post.id},
        ),
        execution_options={"synchronize_session": False},
    )


def map_media_to_posts(session: Session, media_ids: Collection[str]) -> dict[str, int]:
    """Return the posts that these media were published by, by the platform's id."""
    query = select(IgMedia.ig_id, IgMedia.post_id).where(
        IgMedia.ig_id.in_(media_ids), IgMedia.post_id.is_not(None)
    )
    return {ig_id: int(post_id) for ig_id, post_id in session.execute(query) if post_id}


def known_value(value: Any, allowed: tuple[str, ...]) -> str | None:
    return value if value in allowed else None
