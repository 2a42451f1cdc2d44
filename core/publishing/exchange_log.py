"""Records the calls of a step to the platform, without secrets, for the page of the post."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from core.observability.redact import Redactor
from db.posts.posts import Post
from platforms.exchanges import Exchange, collect_exchanges
from platforms.registry import PLATFORMS

REDACTOR = Redactor()


@contextmanager
def collect_calls(provider: str) -> Iterator[list[Exchange]]:
    """Collect what may be stored of the calls that are made inside."""
    table = PLATFORMS[provider].exchange_fields
    with collect_exchanges(table, REDACTOR.redact_text) as exchanges:
        yield exchanges


def build_exchange_rows(post: Post, exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    """The rows of calls that the latest attempt of the post made.

    The digest contains the attempt, so that the same answer to a later attempt is stored too.
    """
    attempt = max(post.attempts, 1)
    return [
        {
            **vars(exchange),
            "post_id": post.id,
            "attempt": attempt,
            "digest": f"{attempt}:{exchange.digest}",
        }
        for exchange in exchanges
    ]
