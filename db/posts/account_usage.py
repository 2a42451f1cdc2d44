"""Which accounts are in use: their token was used lately, or one of their posts is due soon."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import exists, func, or_, select

from db.accounts.accounts import Account
from db.posts.posts import Post
from db.session import Session

USAGE_WINDOW = timedelta(days=1)


def filter_accounts_in_use(session: Session, account_ids: Collection[int]) -> set[int]:
    """The ids of the accounts whose token was used in the last 24 hours, or with a post due in the
    next 24 hours.
    """
    if not account_ids:
        return set()
    has_posts_due = exists().where(
        Post.oauth_account_id == Account.id, Post.due_at < func.now() + USAGE_WINDOW
    )
    was_used_recently = Account.last_used_at > func.now() - USAGE_WINDOW
    query = select(Account.id).where(
        Account.id.in_(account_ids), or_(was_used_recently, has_posts_due)
    )
    return set(session.scalars(query))
