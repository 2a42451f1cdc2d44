"""What the page of a post shows beside the post: attempts, calls, retries, posts of its group."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.publishing.queries import PostView
from db.accounts.accounts import Accounts
from db.ops.attempts import Attempt, Attempts
from db.posts.exchanges import PostExchange, PostExchanges
from db.posts.posts import Post, Posts
from db.records.destinations import find_destination_store
from db.session import Database, Session

JOB_KINDS = ("posts", "uploads")
MAX_ATTEMPTS = 60  # the newest
MAX_EXCHANGES = 60  # the newest; the API lists all


@dataclass(frozen=True)
class PostHistory:
    """`failed_attempts` and `exchanges` are newest first; `together` are the posts that were
    written together with this one. `account_name` is None if the account is gone.
    """

    account_name: str | None
    failed_attempts: Sequence[Attempt] = ()
    exchanges: Sequence[PostExchange] = ()
    retries: Sequence[Post] = ()
    together: Sequence[Post] = ()


def load_post_history(database: Database, view: PostView) -> PostHistory:
    """Load what belongs to a post that its owner has read."""
    post = view.post
    with database.transaction() as session:
        return PostHistory(
            account_name=find_account_name(session, post),
            failed_attempts=Attempts(session).list_failed(JOB_KINDS, post.id, limit=MAX_ATTEMPTS),
            exchanges=PostExchanges(session).list_for_post(post.id, limit=MAX_EXCHANGES),
            retries=Posts(session).list_retries(post.id, user_id=post.user_id),
            together=Posts(session).list_together(post),
        )


def find_account_name(session: Session, post: Post) -> str | None:
    store = find_destination_store(session, post.provider)
    if store is not None and post.destination_id is not None:
        destination = store.get(post.destination_id)
        return None if destination is None else destination.handle or destination.name
    account = Accounts(session).get(post.oauth_account_id)
    name = account.details.get("display_name") if account is not None else None
    return str(name) if name else None
