"""Creates a post from an upload request: checks the idempotency key, stores the row and its quota
slot, runs the first steps inside the request where possible, and returns the result.

The row is stored in one transaction with the account locked, so that parallel requests cannot
exceed a quota or use a key twice. The upload URL is decrypted only here, for a caller who sends the
bytes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from core import audit
from core.accounts.tokens import get_or_refresh_token
from core.bootstrap import Services
from core.crypto import upload_url_context
from core.errors import (
    Conflict,
    CoreError,
    Invalid,
    NotFound,
    OperationFailed,
    QuotaExceeded,
    RateLimitExceeded,
    ServiceUnavailable,
)
from core.jobs.job_type import Claim
from core.observability.metrics import QUOTA_REFUSALS
from core.post_state.settle import PostState
from core.post_state.step_state import (
    INLINE,
    LAST_ERROR_CODE,
    REQUEST_REFUSED,
    RETRY_AFTER_SECONDS,
    SLOT_LIMIT,
    UNAUDITED,
    StepState,
)
from core.post_state.transitions import end_one_post
from core.publishing.inline import claim_inline, run_inline
from core.publishing.job_types import StepJob
from core.publishing.quota import (
    ACCOUNT_CAP_CODE,
    Quota,
    load_quota,
    reserve_slot,
    slot_limits,
)
from core.publishing.request_schema import UploadRequest, validate_request
from core.publishing.resolve import NewPost, resolve_request
from db.media.files import Media, MediaFiles
from db.posts.posts import Post, Posts, SentBy, mode_of_kind
from db.posts.quota_slots import QuotaSlots
from db.posts.tiktok_posts import TikTokPost, TikTokPosts
from db.posts.timeline import PostEvents
from db.posts.upload_sessions import UploadSessions
from db.session import Database, Session
from platforms.chunks import ChunkPlan, plan_chunks
from platforms.secret import Secret

IDEMPOTENCY_KEY_PATTERN = re.compile(r"[!-~]([ -~]{0,253}[!-~])?", re.ASCII)
IN_PROGRESS_RETRY_AFTER = timedelta(seconds=1)
WITHDRAWN_RETRY_AFTER = timedelta(seconds=1)
MEDIA_RETENTION = timedelta(days=7)  # of a file after its last use

APP_LIMIT_CODES = frozenset({ACCOUNT_CAP_CODE})
"""Limits of the whole application, which no account can influence: the post waits."""

LIMIT_CODES = APP_LIMIT_CODES | {
    "rate_limit_exceeded",
    "spam_risk_too_many_pending_share",
    "spam_risk_too_many_posts",
}
"""Errors that end after some time. A request refused with one of them leaves no post behind."""


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """How a request is handled, apart from what it asks for."""

    digest: str  # of the request's content
    received_at: datetime
    idempotency_key: str | None = None
    may_queue: bool = False  # the post may be queued: the caller does not wait for the first step


@dataclass(frozen=True)
class PostResult:
    """The result of a request: the post, its TikTok row, the account's quota and, for a caller who
    sends the bytes, the upload URL.
    """

    post: Post
    tiktok_row: TikTokPost | None
    quota: Quota
    upload_url: Secret | None = None
    is_repeat: bool = False

    @property
    def chunk_plan(self) -> ChunkPlan | None:
        """The chunks to send; None unless the caller sends the bytes."""
        return None if self.upload_url is None else plan_chunks(self.post.bytes_total or 0)


ResultOrError = PostResult | CoreError
"""A result, or an error to be raised after the transaction that recorded it was committed."""


def request_upload(
    database: Database,
    services: Services,
    *,
    user_id: int,
    request: UploadRequest,
    idempotency_key: str | None = None,
    may_queue: bool = False,
) -> PostResult:
    """Store the request as a post and start publishing it; a repeated request gets the same post.

    Errors: Invalid; Conflict for a key that was used for another request; NotConnected,
    NeedsReconnect, NotFound; QuotaExceeded, RateLimitExceeded; OperationFailed with the platform's
    or our code; ServiceUnavailable.
    """
    options = RequestOptions(
        digest=request_digest(request.model_dump(mode="json")),
        received_at=services.now(),
        idempotency_key=validate_idempotency_key(idempotency_key),
        may_queue=may_queue,
    )
    with database.transaction() as session:
        earlier = find_earlier_result(session, services, options, user_id=user_id)
        if earlier is None:
            validate_request(request, now=options.received_at, may_queue=may_queue)
            new_post = resolve_request(session, services, request, user_id=user_id)
    if earlier is not None:
        return raise_if_error(earlier)
    return create_post(database, services, new_post, options)


def create_post(
    database: Database, services: Services, new_post: NewPost, options: RequestOptions
) -> PostResult:
    """Store the post; run its first steps now, or wake a worker. Errors: as `request_upload`."""
    is_inline = should_run_inline(database, services, new_post, options)
    with database.transaction() as session:
        result = insert_and_claim_post(session, services, new_post, options, is_inline=is_inline)
    if isinstance(result, Claim):
        run_inline(database, services, result)
        return finish_request(database, services, result)
    services.wake("posts")
    return raise_if_error(result)


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


def should_run_inline(
    database: Database, services: Services, new_post: NewPost, options: RequestOptions
) -> bool:
    """Whether the first steps run inside the request; refreshes the access token if they do.

    Errors: NotConnected, NeedsReconnect; for a caller who sends the bytes, and so needs the upload
    URL now, also ServiceUnavailable and OperationFailed `timeout`.
    """
    if (
        new_post.sent_by == SentBy.SIGNALPOST
        or new_post.publish_at is not None
        or options.may_queue
    ):
        return False
    is_required = new_post.sent_by == SentBy.CALLER  # the caller needs the upload URL now
    try:
        get_or_refresh_token(database, services, new_post.oauth_account_id)
    except ServiceUnavailable:
        if is_required:
            raise
        return False
    is_in_time = services.now() - options.received_at < services.settings.limits.inline_time_budget
    if is_required and not is_in_time:
        raise OperationFailed(
            "the request took too long before the platform could be called; send it again",
            code="timeout",
        )
    return is_in_time


def insert_and_claim_post(
    session: Session,
    services: Services,
    new_post: NewPost,
    options: RequestOptions,
    *,
    is_inline: bool,
) -> Claim[StepJob] | ResultOrError:
    """Insert the post and, to run it inline, claim it; otherwise return the result.

    Errors: QuotaExceeded, RateLimitExceeded, Conflict, NotFound.
    """
    QuotaSlots(session).lock_account(new_post.oauth_account_id)
    post = insert_post(session, services, new_post, options)
    if post is None:
        earlier = find_earlier_result(session, services, options, user_id=new_post.user_id)
        return earlier or ServiceUnavailable(
            "the first request with this Idempotency-Key was refused just now; send it again",
            retry_after=WITHDRAWN_RETRY_AFTER,
        )
    reserve_slot_if_due(session, post, options)
    claim = claim_inline(session, post) if is_inline and post.has_slot else None
    return claim or load_result(session, services, post)


def insert_post(
    session: Session, services: Services, new_post: NewPost, options: RequestOptions
) -> Post | None:
    """Insert the row of the post; None if another request has used the key in the meantime."""
    media = lock_media(session, new_post)
    post = Posts(session).add(
        **asdict(new_post),
        idempotency_key=options.idempotency_key,
        request_hash=options.digest,
        due_at=new_post.publish_at or Posts.now(),
        step_state=initial_step_state(services, new_post),
    )
    if post is None:
        return None
    PostEvents(session).add(post, "request", after=PostState.QUEUED)
    audit.record_action(session, "post.requested", user_id=post.user_id, subject=f"post:{post.id}")
    if media is not None:
        MediaFiles(session).extend_expiry(media, lifetime=MEDIA_RETENTION)
    return post


def lock_media(session: Session, new_post: NewPost) -> Media | None:
    """Lock the media file until the post is stored, so that it is not deleted in between.

    Errors: NotFound.
    """
    if new_post.media_id is None:
        return None
    media = MediaFiles(session).lock_for_user(new_post.media_id, user_id=new_post.user_id)
    if media is None:
        raise NotFound(f"no media file {new_post.media_id} of this user")
    return media


def initial_step_state(services: Services, new_post: NewPost) -> StepState:
    """Limits from the settings, stored with the post: later steps have no settings in `prepare`."""
    step_state: StepState = {
        SLOT_LIMIT: slot_limits(services.settings.of_platform("tiktok"))[new_post.mode]
    }
    if not services.settings.of_platform("tiktok").app_audited:
        step_state[UNAUDITED] = True
    return step_state


def reserve_slot_if_due(session: Session, post: Post, options: RequestOptions) -> None:
    """Reserve the post's slot now; for a scheduled post that happens when it is due.

    A queued request without a slot waits. At a limit of the whole app every post waits, unless the
    caller sends its bytes.
    Errors: QuotaExceeded; RateLimitExceeded.
    """
    if post.publish_at is not None:
        return
    try:
        reserve_slot(session, post)
    except QuotaExceeded:
        if not options.may_queue:
            QUOTA_REFUSALS.labels(post.provider).inc()
            raise
    except RateLimitExceeded:
        if post.sent_by == SentBy.CALLER:
            raise


def load_result(
    session: Session, services: Services, post: Post, *, is_repeat: bool = False
) -> PostResult:
    session.flush()
    session.refresh(post)
    mode = mode_of_kind(post.kind)
    limit = slot_limits(services.settings.of_platform("tiktok"))[mode]
    return PostResult(
        post=post,
        tiktok_row=TikTokPosts(session).get_by_post(post.id),
        quota=load_quota(session, post.oauth_account_id or 0, mode, limit=limit),
        upload_url=load_upload_url(session, services, post),
        is_repeat=is_repeat,
    )


def load_upload_url(session: Session, services: Services, post: Post) -> Secret | None:
    if post.sent_by != SentBy.CALLER or post.state != PostState.SENDING:
        return None
    upload = UploadSessions(session).get_by_post(post.id)
    if upload is None or upload.upload_url_encrypted is None:
        return None
    context = upload_url_context(post.provider, post.id, post.user_id)
    return services.key_ring.decrypt(upload.upload_url_encrypted, context)


def finish_request(database: Database, services: Services, claim: Claim[StepJob]) -> PostResult:
    """The result after the first steps have run. Errors: as `request_upload`."""
    with database.transaction() as session:
        post = session.get_one(Post, claim.id, with_for_update=True)
        error = reject_if_refused(session, post)
        result = load_result(session, services, post) if error is None else error
    return raise_if_error(result)


def reject_if_refused(session: Session, post: Post) -> CoreError | None:
    """Decide from the post whether the first steps have failed; None if the request is accepted.

    A post that was refused because of a limit is deleted, so that its key can be used again.
    """
    error_code = str(post.error_code or post.step_state.get(LAST_ERROR_CODE, ""))
    if post.state == PostState.QUEUED and (
        post.sent_by == SentBy.CALLER or error_code in LIMIT_CODES - APP_LIMIT_CODES
    ):
        post.step_state = {**post.step_state, REQUEST_REFUSED: True}
        code = error_code if error_code in LIMIT_CODES else f"{post.provider}_unavailable"
        end_one_post(session, post, PostState.FAILED, code)
    if post.state != PostState.FAILED or post.publish_id is not None:
        return None
    error = refusal_error(post)
    if post.error_code in LIMIT_CODES:
        error.details.pop("id")
        Posts(session).delete(post)
    else:
        post.step_state = {**post.step_state, REQUEST_REFUSED: True}
    return error


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
