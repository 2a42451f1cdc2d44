"""The time that a user chose last for a scheduled post."""

from datetime import datetime

from sqlalchemy import select

from db.posts.posts import Post
from db.session import Session

RECENT_POSTS = 50
"""How many of the newest posts are looked at: a user may have a million that are not scheduled."""


def find_last_publish_time(session: Session, user_id: int) -> datetime | None:
    """Return the chosen time of the newest scheduled post among the user's recent ones."""
    recent = (
        select(Post.id, Post.publish_at)
        .where(Post.user_id == user_id)
        .order_by(Post.created_at.desc())
        .limit(RECENT_POSTS)
        .subquery()
    )
    query = select(recent.c.publish_at).where(recent.c.publish_at.is_not(None))
    return session.scalar(query.order_by(recent.c.id.desc()).limit(1))
