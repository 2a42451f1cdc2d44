"""Counts the uploads that run at the moment."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.posts.posts import UPLOAD_QUEUE, Post


def count_other_uploads(session: Session, post: Post) -> int:
    """Count the account's other leased uploads. Exact only while the account is locked."""
    conditions = (Post.oauth_account_id == post.oauth_account_id, Post.id != post.id)
    is_leased = Post.leased_until > func.clock_timestamp()
    query = select(func.count()).where(*conditions, is_leased, *UPLOAD_QUEUE.conditions)
    return session.execute(query).scalar_one()
