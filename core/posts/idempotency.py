"""The same request sent again: known by its key, held to its content. Must not answer it."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from core.errors import Conflict, Invalid
from core.ledger.memo import INLINE
from db.posts import Post, Posts
from db.session import Session

KEY = re.compile(r"[!-~]([ -~]{0,253}[!-~])?", re.ASCII)
SOON = timedelta(seconds=1)


def key(text: str | None) -> str | None:
    """Errors: Invalid unless it is 1 to 255 printable characters."""
    if text is not None and not KEY.fullmatch(text):
        fields = {"Idempotency-Key": "must be 1 to 255 printable ASCII characters"}
        raise Invalid("the Idempotency-Key is not usable", details={"fields": fields})
    return text


def digest(said: Mapping[str, Any]) -> str:
    """Equal for requests that wish the same, however they are written."""
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def earlier(session: Session, key: str | None, digest: str, *, user_id: int) -> Post | None:
    """The post that this key stands for.

    Errors: Conflict `IDEMPOTENCY_MISMATCH` for another content, `IDEMPOTENCY_IN_PROGRESS` while
    the first request is being worked on.
    """
    post = None if key is None else Posts(session).keyed(key, user_id=user_id)
    if post is None:
        return None
    if post.request_hash != digest:
        raise Conflict("this key stands for another request", code="IDEMPOTENCY_MISMATCH")
    if INLINE in post.memo and post.leased_until is not None:
        raise Conflict(
            "the first request is still under way", code="IDEMPOTENCY_IN_PROGRESS", retry_after=SOON
        )
    return post
