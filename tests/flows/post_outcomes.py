"""The outcome of a post in our database and at the sandbox, which must agree after any failure.

`test_publishing_safeguards.py` shows that these checks can fail.
"""

from dataclasses import dataclass

from tests.flows.api_user import FINAL_STATES


@dataclass(frozen=True)
class PostOutcome:
    """One post: our state and reason, and how often the platform published it."""

    state: str
    reason: str | None
    publications: int

    @property
    def is_consistent(self) -> bool:
        """Published means exactly once; failed means not at all, with a reason."""
        if self.state == "PUBLISHED":
            return self.publications == 1
        return self.state in FINAL_STATES and self.reason is not None and self.publications == 0


PUBLISHED_ONCE = PostOutcome("PUBLISHED", None, 1)


def load_outcome(stack, api_user, post_id):
    """Return the outcome of a direct post. Drafts have no title at the platform to find them by."""
    state, reason, title = stack.query(
        "SELECT state, error_code, title FROM posts WHERE id = %s", post_id
    )[0]
    matching = [
        post for post in api_user.list_platform_posts() if post["post_info"].get("title") == title
    ]
    return PostOutcome(state, reason, sum(post["published"] for post in matching))


def find_open_work(stack, api_user):
    """Return the user's posts that are due or being uploaded: none, once all work is done."""
    return stack.query(
        "SELECT posts.id, posts.state, posts.due_at, upload.id"
        " FROM posts LEFT JOIN post_parts AS upload"
        " ON upload.post_id = posts.id AND upload.upload_url_encrypted IS NOT NULL"
        " WHERE posts.oauth_account_id = %s"
        " AND (posts.due_at IS NOT NULL OR upload.id IS NOT NULL)",
        api_user.account_id,
    )
