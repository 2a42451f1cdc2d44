"""How many uploads of one account run at the same time, so that it cannot occupy all workers."""

from core.outcomes import Snooze
from core.publishing.quota import LOCK_RETRY_AFTER
from db.posts.posts import Post
from db.posts.uploads import count_other_uploads
from db.publishing.quota_slots import QuotaSlots
from db.session import Session

MAX_UPLOADS_PER_ACCOUNT = 3


def limit_parallel_uploads(session: Session, post: Post) -> None:
    """Errors: Snooze while MAX_UPLOADS_PER_ACCOUNT uploads of the account are leased."""
    if not QuotaSlots(session).lock_account(post.oauth_account_id or 0, wait=False):
        raise Snooze(LOCK_RETRY_AFTER, "another transaction is counting the account's uploads")
    if count_other_uploads(session, post) >= MAX_UPLOADS_PER_ACCOUNT:
        raise Snooze(LOCK_RETRY_AFTER, "the account's other uploads have to end first")
