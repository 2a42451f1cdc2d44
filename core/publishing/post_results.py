"""The results of requests for posts: of this request, or of an earlier one with the same key."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from core.bootstrap import Services
from core.crypto import part_upload_url_context
from core.errors import Conflict, CoreError, Invalid, OperationFailed, RateLimitExceeded
from core.post_state.settle import PostState
from core.post_state.step_state import INLINE, REQUEST_REFUSED, RETRY_AFTER_SECONDS
from core.publishing.quota import LIMIT_CODES, Quota, find_slot_rule, load_quota, read_rule_limit
from core.publishing.quota_rules import load_quotas
from db.posts.parts import PostPart, PostParts
from db.posts.posts import Post, Posts, SentBy
from db.posts.timeline import PostEvent, PostEvents
from db.records.destinations import find_destination_store
from db.records.post_records import find_post_record
from db.records.record_table import PostRecord
from db.session import Session
from platforms.chunks import ChunkPlan, plan_chunks
from platforms.registry import PLATFORMS
from platforms.secret import Secret

IDEMPOTENCY_KEY_PATTERN = re.compile(r"[!-~]([ -~]{0,253}[!-~])?", re.ASCII)
IN_PROGRESS_RETRY_AFTER = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """How a request is handled, apart from what it asks for."""

    digest: str  # of the request's content
    received_at: datetime
    idempotency_key: str | None = None
    may_queue: bool = False  # the post may be queued: the caller does not wait for the first step


@dataclass(frozen=True)
class PostResult:
    """The result of a request: the post, what the platform reported about it, the account's quotas
    by name and, for a caller who sends the bytes, the upload URL.
    """

    post: Post
    record: PostRecord | None
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    upload_url: Secret | None = None
    is_repeat: bool = False
    parts: Sequence[PostPart] = ()
    events: Sequence[PostEvent] = ()
    destination_external_id: str | None = None

    @property
    def chunk_plan(self) -> ChunkPlan | None:
        """The chunks to send; None unless the caller sends the bytes."""
        return None if self.upload_url is None else plan_chunks(self.post.bytes_total or 0)


ResultOrError = PostResult | CoreError
"""A result, or an error to be raised after the transaction that recorded it was committed."""


def validate_idempotency_key(text: str | None) -> str | None:
    """Errors: Invalid unless it is 1 to 255 printable ASCII characters."""
    if text is not None and not IDEMPOTENCY_KEY_PATTERN.fullmatch(text):
        fields = {"Idempotency-Key": "must be 1 to 255 printable ASCII characters"}
        raise Invalid("the Idempotency-Key is not valid", details={"fields": fields})
    return text


def request_digest(content: Mapping[str, Any]) -> str:
    """Digest of the request's content, independent of the order of its fields."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def find_earlier_result(
    session: Session, services: Services, options: RequestOptions, *, user_id: int
) -> ResultOrError | None:
    """The result of the earlier request with the same key; None if there was none.

    Errors: as `find_earlier_post`.
    """
    post = find_earlier_post(session, options.idempotency_key, options.digest, user_id=user_id)
    if post is None:
        return None
    if REQUEST_REFUSED in post.step_state:
        return refusal_error(post, is_repeat=True)
    return load_result(session, services, post, is_repeat=True)


def find_earlier_post(
    session: Session, key: str | None, digest: str, *, user_id: int
) -> Post | None:
    """The post that was created with this key.

    Errors: Conflict `IDEMPOTENCY_MISMATCH` for another content, `IDEMPOTENCY_IN_PROGRESS` while
    the first request is still running.
    """
    post = None if key is None else Posts(session).get_by_idempotency_key(key, user_id=user_id)
    if post is None:
        return None
    if post.request_hash != digest:
        raise Conflict(
            "the Idempotency-Key was used for another request", code="IDEMPOTENCY_MISMATCH"
        )
    if INLINE in post.step_state and post.leased_until is not None:
        raise Conflict(
            "the first request with this Idempotency-Key is still running",
            code="IDEMPOTENCY_IN_PROGRESS",
            retry_after=IN_PROGRESS_RETRY_AFTER,
        )
    return post


def load_result(
    session: Session, services: Services, post: Post, *, is_repeat: bool = False
) -> PostResult:
    session.flush()
    session.refresh(post)
    result = PostResult(
        post=post,
        record=find_post_record(session, post.provider, post.id),
        quotas=load_post_quotas(session, services, post),
        upload_url=load_upload_url(session, services, post),
        is_repeat=is_repeat,
    )
    if PLATFORMS[post.provider].build_stored_fields is not None:
        return result
    return replace(
        result,
        parts=PostParts(session).list_by_post(post.id),
        events=PostEvents(session).list_for_post(post.id),
        destination_external_id=find_external_id(session, post),
    )


def find_external_id(session: Session, post: Post) -> str | None:
    """Return the platform's id of the account that is posted to, unless that is the login."""
    store = find_destination_store(session, post.provider)
    if store is None or post.destination_id is None:
        return None
    destination = store.get(post.destination_id)
    return None if destination is None else destination.external_id


def load_post_quotas(session: Session, services: Services, post: Post) -> dict[str, Quota]:
    """Load the quotas whose slots the post takes, by name."""
    settings = services.settings.of_platform(post.provider)
    rule = find_slot_rule(post.provider, post.kind)
    if rule is None:
        return load_quotas(session, settings, post)
    limit = read_rule_limit(rule, settings)
    account_id, provider = post.oauth_account_id or 0, post.provider
    return {rule.name: load_quota(session, account_id, rule, provider=provider, limit=limit)}


def load_upload_url(session: Session, services: Services, post: Post) -> Secret | None:
    if post.sent_by != SentBy.CALLER or post.state != PostState.SENDING:
        return None
    for part in PostParts(session).list_by_post(post.id):
        if part.upload_url_encrypted is not None:
            context = part_upload_url_context(post.provider, post.id, part.position, post.user_id)
            return services.key_ring.decrypt(part.upload_url_encrypted, context)
    return None


def refusal_error(post: Post, *, is_repeat: bool = False) -> CoreError:
    """The error that a post ended with, as the answer to its request."""
    code = str(post.error_code)
    wait = timedelta(seconds=float(post.step_state.get(RETRY_AFTER_SECONDS, 0)))
    error_class = RateLimitExceeded if code in LIMIT_CODES else OperationFailed
    details = {"id": post.id, "replayed": True} if is_repeat else {"id": post.id}
    message = post.error_message or "the platform refused the post"
    return error_class(message, code=code, details=details, retry_after=wait or None)


def raise_if_error(result: ResultOrError) -> PostResult:
    """Return the result or raise the error; to be called after the commit that recorded it."""
    if isinstance(result, CoreError):
        raise result
    return result
