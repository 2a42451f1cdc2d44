"""A person takes a post back, as far as it can be: what may be out cannot be called back.

Raising the lease token fences whoever is at work on the post: its result is dropped.
"""

from dataclasses import dataclass

from core import audit
from core.accounts.tokens import AccessToken, get_access_token
from core.bootstrap import Services
from core.errors import Conflict, NotConnected, NotFound
from core.outcomes import Snooze
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.transitions import apply_one_update, end_one_post
from core.publishing.create import (
    PostResult,
    RequestOptions,
    create_post,
    find_replay,
    raise_if_error,
    request_digest,
)
from core.publishing.create import validate_idempotency_key as usable
from core.publishing.queries import get_post, poll_and_reload
from core.publishing.resolve import (
    NewPost,
    check_account_active,
    check_audience,
    check_video_format,
    load_complete_media,
)
from db.accounts.accounts import Accounts
from db.posts.posts import Post, Posts, SentBy
from db.posts.timeline import PostEvents
from db.session import Database, Session
from platforms.base import Phase, PublishProgress
from platforms.chunks import ChunkPlan, next_chunk, plan_chunks
from platforms.errors import PlatformError, Rejected

CANCELLED_CODE = "publish_cancelled"


@dataclass(frozen=True)
class CancelCall:
    """The platform is still fetching the file: it alone can stop."""

    access: AccessToken
    provider: str
    publish_id: str


def cancel_post(database: Database, services: Services, post_id: int, *, user_id: int) -> None:
    """Errors: NotFound; Conflict `publish_not_cancellable`, then the post goes its way."""
    view = get_post(database, post_id, user_id=user_id)
    if view.post.sent_by == SentBy.CALLER and view.post.state == PostState.SENDING:
        poll_and_reload(
            database, services, view, user_id=user_id
        )  # others send these bytes: are they there?
    with database.transaction() as session:
        cancel_call = cancel_or_prepare_call(
            session, lock_own_post(session, post_id, user_id=user_id)
        )
    if cancel_call is not None:
        call_cancel(cancel_call, services)
        with database.transaction() as session:
            record_cancelled(session, lock_own_post(session, post_id, user_id=user_id))


def lock_own_post(session: Session, post_id: int, *, user_id: int) -> Post:
    post = Posts(session).lock_for_user(post_id, user_id=user_id)
    if post is None:
        raise NotFound("no such post")
    return post


def cancel_or_prepare_call(session: Session, post: Post) -> CancelCall | None:
    """The post ended, or what to ask the platform. Errors: Conflict."""
    if post.state == PostState.QUEUED or can_stop_upload(post):
        cancel_locally(session, post)
        return None
    if post.state == PostState.PROCESSING and post.sent_by == SentBy.PLATFORM and post.publish_id:
        try:
            access_token = get_access_token(session, post.oauth_account_id)
        except Snooze as snooze:
            raise not_cancellable_error(post) from snooze
        return CancelCall(access_token, post.provider, post.publish_id)
    raise not_cancellable_error(post)


def can_stop_upload(post: Post) -> bool:
    """Bytes are missing and stay missing: an incomplete upload is never published.

    A start on its way is no upload yet; the last chunk on its way may complete one.
    """
    if post.state != PostState.SENDING or post.sent_by == SentBy.PLATFORM:
        return False
    if post.publish_id is None or post.sent_by == SentBy.CALLER or post.leased_until is None:
        return True
    chunk_plan = plan_chunks(post.bytes_total or 0)
    following_chunk = next_chunk(
        ChunkPlan(chunk_plan.chunk_size, chunk_plan.count), post.bytes_total or 0, post.bytes_sent
    )
    return following_chunk.last < (post.bytes_total or 0) - 1


def cancel_locally(session: Session, post: Post) -> None:
    post.lease_token += 1
    post.leased_until = None
    end_one_post(session, post, PostState.CANCELLED, CANCELLED_CODE)
    audit.record_action(session, "post.cancelled", user_id=post.user_id, subject=f"post:{post.id}")


def call_cancel(cancel_call: CancelCall, services: Services) -> None:
    """Errors: Conflict if the platform refuses or cannot be asked."""
    try:
        services.get_platform(cancel_call.provider).publisher.cancel(
            cancel_call.access.decrypt(services), cancel_call.publish_id
        )
    except Rejected as error:
        raise Conflict(str(error), code="publish_not_cancellable") from error
    except PlatformError as error:
        details = {"reason": error.code}
        raise Conflict(str(error), code="publish_not_cancellable", details=details) from error


def record_cancelled(session: Session, post: Post) -> None:
    """TikTok has confirmed; its webhook says the same once more."""
    if post.state in FINAL_STATES:
        return
    post.lease_token += 1
    post.leased_until = None
    apply_one_update(
        session, post, PublishProgress(Phase.CANCELLED, "FAILED", CANCELLED_CODE), source="cancel"
    )
    PostEvents(session).add(post, "cancel", note="confirmed by the platform")
    audit.record_action(session, "post.cancelled", user_id=post.user_id, subject=f"post:{post.id}")


def not_cancellable_error(post: Post) -> Conflict:
    details = {"state": post.state}
    return Conflict("too late to cancel", code="publish_not_cancellable", details=details)


# MERGED core.posts.retry: A person has a post sent again, as a new post, or lets a held one go. Never done by ourselves.

RETRYABLE_STATES = frozenset({PostState.FAILED, PostState.CANCELLED})


def retry_post(
    database: Database,
    services: Services,
    post_id: int,
    *,
    user_id: int,
    confirm: bool = False,
    idempotency_key: str | None = None,
) -> PostResult:
    """The answer of the new post. `confirm`: the person knows that both may come out.

    Errors: NotFound; Conflict unless the post has ended badly, or its end is unknown and that is
    confirmed; as `request`.
    """
    options = RequestOptions(
        digest=request_digest({"retry_of": post_id, "confirm": confirm}),
        received_at=services.now(),
        idempotency_key=usable(idempotency_key),
        can_wait=True,
    )
    with database.transaction() as session:
        original = load_own_post(session, post_id, user_id=user_id)
        earlier = find_replay(session, services, options, user_id=user_id)
        if earlier is None:
            check_retryable(original, confirm=confirm)
            new_post = resolve_retry(session, original)
            check_audience(
                services,
                new_post.mode,
                original.payload_json.get("settings", {}).get("privacy_level"),
            )
    if earlier is not None:
        return raise_if_error(earlier)
    if new_post.sent_by == SentBy.CALLER:  # who has to wait for the address to send to
        options = RequestOptions(
            digest=options.digest,
            received_at=options.received_at,
            idempotency_key=options.idempotency_key,
        )
    return create_post(database, services, new_post, options)


def load_own_post(session: Session, post_id: int, *, user_id: int) -> Post:
    post = Posts(session).get_for_user(post_id, user_id=user_id)
    if post is None:
        raise NotFound("no such post")
    return post


def check_retryable(post: Post, *, confirm: bool) -> None:
    if post.state in RETRYABLE_STATES or (post.state == PostState.UNCONFIRMED and confirm):
        return
    details = {"state": post.state, "confirmable": post.state == PostState.UNCONFIRMED}
    raise Conflict(f"a post that is {post.state} is not repeated", details=details)


def resolve_retry(session: Session, original: Post) -> NewPost:
    """What was wished then, held against what is there now. Errors: as `drafted`."""
    account = Accounts(session).get(original.oauth_account_id)
    if account is None or account.disconnected_at is not None:
        raise NotConnected
    check_account_active(account)
    if original.sent_by == SentBy.SIGNALPOST:
        check_video_format(
            load_complete_media(session, original.media_id or 0, user_id=original.user_id)
        )
    return NewPost(
        user_id=original.user_id,
        oauth_account_id=account.id,
        kind=original.kind,
        source=original.source,
        sent_by=SentBy(original.sent_by),
        title=original.title,
        payload_json=original.payload_json,
        media_id=original.media_id,
        bytes_total=original.bytes_total,
        retry_of=original.id,
        provider=original.provider,
    )


def release_post(database: Database, services: Services, post_id: int, *, user_id: int) -> Post:
    """A held post goes at once, or at its time. Errors: NotFound, Conflict, NeedsReconnect."""
    with database.transaction() as session:
        post = Posts(session).lock_for_user(post_id, user_id=user_id)
        if post is None:
            raise NotFound("no such post")
        if post.hold_reason is None:
            raise Conflict("the post is not held", details={"state": post.state})
        account = Accounts(session).get(post.oauth_account_id)
        if account is None or account.disconnected_at is not None:
            raise NotConnected
        check_account_active(account)
        PostEvents(session).add(post, "released", note=post.hold_reason)
        post.hold_reason, post.due_at = None, Posts.due_time(post.publish_at)
        audit.record_action(
            session, "post.released", user_id=post.user_id, subject=f"post:{post.id}"
        )
        session.flush()
        session.refresh(post)
    services.wake("posts")
    return post
