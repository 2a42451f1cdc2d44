"""Creates a post from a request: checks the idempotency key, stores the row and its quota slot,
runs the first steps inside the request where possible, and returns the result.

The row is stored in one transaction with the account locked, so that parallel requests cannot
exceed a quota or use a key twice. The upload URL is decrypted only here, for a caller who sends the
bytes.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from core import audit
from core.accounts.tokens import get_or_refresh_token
from core.bootstrap import Services
from core.errors import (
    CoreError,
    NotFound,
    OperationFailed,
    QuotaExceeded,
    RateLimitExceeded,
    ServiceUnavailable,
)
from core.jobs.job_type import Claim
from core.observability.metrics import QUOTA_REFUSALS
from core.observability.telemetry import current_correlation_id
from core.observability.tracing import current_trace_parent
from core.post_state.settle import PostState
from core.post_state.step_state import (
    LAST_ERROR_CODE,
    REQUEST_REFUSED,
    SLOT_LIMIT,
    UNAUDITED,
    StepState,
)
from core.post_state.transitions import end_one_post
from core.publishing.inline import claim_inline, run_inline
from core.publishing.inline_slots import take_inline_slot
from core.publishing.picture_conversion import convert_pictures
from core.publishing.post_request import PostRequest
from core.publishing.post_results import (
    PostResult,
    RequestOptions,
    ResultOrError,
    find_earlier_result,
    load_result,
    raise_if_error,
    refusal_error,
    request_digest,
    validate_idempotency_key,
)
from core.publishing.quota import (
    APP_LIMIT_CODES,
    LIMIT_CODES,
    find_rule,
    find_slot_rule,
    is_rule_on,
    read_rule_limit,
    reserve_slot,
)
from core.publishing.resolve import NewPost, resolve_request
from core.publishing.step_jobs import PlatformStepJob
from core.publishing.wait_for_end import wait_for_end
from db.media.files import Media, MediaFiles
from db.posts.parts import PostParts
from db.posts.posts import Post, Posts, SentBy
from db.posts.timeline import PostEvents
from db.publishing.quota_slots import QuotaSlots
from db.records.public_posts import destination_columns
from db.session import Database, Session
from platforms.platform import QuotaScope
from platforms.registry import PLATFORMS

WITHDRAWN_RETRY_AFTER = timedelta(seconds=1)
MEDIA_RETENTION = timedelta(days=7)  # of a file after its last use
NO_PROBLEMS: Mapping[str, str] = {}


def request_post(
    database: Database,
    services: Services,
    *,
    user_id: int,
    request: PostRequest,
    idempotency_key: str | None = None,
    may_queue: bool = False,
    content: Mapping[str, Any] | None = None,
    problems: Mapping[str, str] = NO_PROBLEMS,
) -> PostResult:
    """Store the request as a post and start publishing it; a repeated request gets the same post.

    `content` is what a repeated request must contain again, by default the request; `problems` of
    its fields were found before.
    Errors: Invalid; Conflict for a key that was used for another request; NotConnected,
    NeedsReconnect, NotFound; QuotaExceeded, RateLimitExceeded; OperationFailed; ServiceUnavailable.
    """
    options = RequestOptions(
        digest=request_digest(content or request.content),
        received_at=services.now(),
        idempotency_key=validate_idempotency_key(idempotency_key),
        may_queue=may_queue,
    )
    with database.transaction() as session:
        earlier = find_earlier_result(session, services, options, user_id=user_id)
    if earlier is not None:
        return raise_if_error(earlier)
    request = convert_pictures(database, services, request, user_id=user_id)
    with database.transaction() as session:
        new_post = resolve_request(
            session,
            services,
            request,
            user_id=user_id,
            now=options.received_at,
            may_queue=may_queue,
            problems=problems,
        )
    return create_post(database, services, new_post, options)


def create_post(
    database: Database, services: Services, new_post: NewPost, options: RequestOptions
) -> PostResult:
    """Store the post; run its first steps now, or wake a worker. Errors: as `request_post`."""
    if not can_hold_request(new_post, options):
        return store_post(database, services, new_post, options, may_hold=False)
    is_required = new_post.sent_by == SentBy.CALLER  # the caller needs the upload URL now
    with take_inline_slot(is_required=is_required) as may_hold:
        return store_post(database, services, new_post, options, may_hold=may_hold)


def can_hold_request(new_post: NewPost, options: RequestOptions) -> bool:
    """Whether the request may have to wait for the platform or for workers."""
    is_sent_later = (
        new_post.sent_by == SentBy.SIGNALPOST and PLATFORMS[new_post.provider].starts_inline
    )
    return not options.may_queue and new_post.publish_at is None and not is_sent_later


def store_post(
    database: Database,
    services: Services,
    new_post: NewPost,
    options: RequestOptions,
    *,
    may_hold: bool,
) -> PostResult:
    """As `create_post`; with `may_hold` the request may wait."""
    is_inline = may_hold and should_run_inline(database, services, new_post, options)
    with database.transaction() as session:
        result = insert_and_claim_post(session, services, new_post, options, is_inline=is_inline)
    if isinstance(result, Claim):
        run_inline(database, services, result)
        return finish_request(database, services, result)
    services.wake("posts")
    if isinstance(result, PostResult) and may_hold and should_wait(new_post):
        return wait_for_end(database, services, result, since=options.received_at)
    return raise_if_error(result)


def should_wait(new_post: NewPost) -> bool:
    """Whether a request that may wait does so for the workers that publish the post."""
    return not PLATFORMS[new_post.provider].starts_inline


def should_run_inline(
    database: Database, services: Services, new_post: NewPost, options: RequestOptions
) -> bool:
    """Whether the first steps run inside a request that may wait; refreshes its access token.

    Errors: NotConnected, NeedsReconnect; for a caller who sends the bytes, and so needs the upload
    URL now, also ServiceUnavailable and OperationFailed `timeout`.
    """
    if not PLATFORMS[new_post.provider].starts_inline:
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
) -> Claim[PlatformStepJob] | ResultOrError:
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
    media = [lock_media(session, media_id, new_post) for media_id in new_post.media_ids]
    post = Posts(session).add(
        **new_post.columns,
        **destination_columns(new_post.provider, new_post.destination_id),
        idempotency_key=options.idempotency_key,
        request_hash=options.digest,
        due_at=new_post.publish_at or Posts.now(),
        step_state=initial_step_state(services, new_post),
        correlation_id=current_correlation_id(),
        trace_parent=current_trace_parent(),
    )
    if post is None:
        return None
    PostParts(session).add_items(post.id, [vars(part) for part in new_post.parts])
    PostEvents(session).add(post, "request", after=PostState.QUEUED)
    audit.record_action(session, "post.requested", user_id=post.user_id, subject=f"post:{post.id}")
    for file in media:
        MediaFiles(session).extend_expiry(file, lifetime=MEDIA_RETENTION)
    return post


def lock_media(session: Session, media_id: int, new_post: NewPost) -> Media:
    """Lock a media file until the post is stored, so that it is not deleted in between.

    Errors: NotFound.
    """
    media = MediaFiles(session).lock_for_user(media_id, user_id=new_post.user_id)
    if media is None:
        raise NotFound(f"no media file {media_id} of this user")
    return media


def initial_step_state(services: Services, new_post: NewPost) -> StepState:
    """Limits from the settings, stored with the post: later steps have no settings in `prepare`."""
    rule = find_slot_rule(new_post.provider, new_post.kind)
    settings = services.settings.of_platform(new_post.provider)
    step_state: StepState = {} if rule is None else {SLOT_LIMIT: read_rule_limit(rule, settings)}
    app_rule = find_rule(new_post.kind, new_post.provider, QuotaScope.APPLICATION)
    if app_rule is not None and is_rule_on(app_rule, settings):
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


def finish_request(
    database: Database, services: Services, claim: Claim[PlatformStepJob]
) -> PostResult:
    """The result after the first steps have run. Errors: as `request_post`."""
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
