"""What must be true of posts in the end, whatever happened on the way. Asks both sides.

Each judgement can see: `test_saboteurs.py` has a house that fails it.
"""

from dataclasses import dataclass

from tests.flows.api_user import FINAL_STATES


@dataclass(frozen=True)
class PostOutcome:
    """One post: our state and reason, and how often its title really appeared."""

    state: str
    reason: str | None
    publications: int

    @property
    def is_consistent(self) -> bool:
        """Published means once; failed means not at all, and says why."""
        if self.state == "PUBLISHED":
            return self.publications == 1
        return self.state in FINAL_STATES and self.reason is not None and self.publications == 0


PUBLISHED_ONCE = PostOutcome("PUBLISHED", None, 1)


def load_outcome(stack, api_user, post_id):
    """Direct posts only: of a draft's title the platform knows nothing."""
    state, reason, title = stack.query(
        "SELECT state, error_code, title FROM posts WHERE id = %s", post_id
    )[0]
    matching = [
        post for post in api_user.list_platform_posts() if post["post_info"].get("title") == title
    ]
    return PostOutcome(state, reason, sum(post["published"] for post in matching))


def find_open_work(stack, api_user):
    """What of this guest is still due or under way: nothing, once all has ended."""
    return stack.query(
        "SELECT posts.id, posts.state, posts.due_at, upload.id"
        " FROM posts LEFT JOIN upload_sessions AS upload ON upload.post_id = posts.id"
        " WHERE posts.oauth_account_id = %s"
        " AND (posts.due_at IS NOT NULL OR upload.id IS NOT NULL)",
        api_user.account_id,
    )
