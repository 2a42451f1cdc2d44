"""What a person can do with a stored post: cancel it, retry it as a new post, or release a parked
one.

A post that may be public already cannot be cancelled. Cancelling raises the lease token, so that
the result of a worker that holds the post is dropped. Nothing is ever retried as a new post without
a person's request.
"""

from dataclasses import dataclass, replace

from core import audit
from core.accounts.posting_tokens import PostingToken, get_posting_token
from core.bootstrap import Services
from core.errors import Conflict, NotConnected
from core.outcomes import Snooze
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import HANDED_OVER
from core.post_state.transitions import apply_one_update, end_one_post
from core.publishing.create import create_post
from core.publishing.exchange_log import build_exchange_rows, collect_calls
from core.publishing.post_results import (
    PostResult,
    RequestOptions,
    find_earlier_result,
    raise_if_error,
    request_digest,
    validate_idempotency_key,
)
from core.publishing.publication import load_post_publication
from core.publishing.queries import get_post, load_own_post, poll_and_reload
from core.publishing.resolve import (
    NewPost,
    check_settings,
    check_stored_file,
    copy_items,
    load_complete_media,
    read_stored_fields,
)
from core.publishing.step_choice import get_step_publisher
from core.publishing.step_safety import is_outcome_open
from core.publishing.targets import check_account_active, select_target
from db.accounts.accounts import Account, Accounts
from db.posts.exchanges import PostExchanges
from db.posts.parts import PostParts
from db.posts.posts import Post, Posts, SentBy
from db.posts.timeline import PostEvents
from db.session import Database, Session
from platforms.base import Phase, PublishProgress
from platforms.errors import PlatformError, Rejected
from platforms.publishing import Publication
from platforms.registry import PLATFORMS

CANCELLED_CODE = "publish_cancelled"
RETRYABLE_STATES = frozenset({PostState.FAILED, PostState.CANCELLED})


@dataclass(frozen=True)
class CancelCall:
    """A call that asks the platform to cancel a post, which it would publish by itself."""

    provider: str
    publication: Publication
    token: PostingToken


def cancel_post(database: Database, services: Services, post_id: int, *, user_id: int) -> None:
    """Cancel the post. Errors: NotFound; Conflict `publish_not_cancellable`, then it continues."""
    view = get_post(database, post_id, user_id=user_id)
    if view.post.sent_by == SentBy.CALLER and view.post.state == PostState.SENDING:
        # the caller sends the bytes: only the platform knows whether it has them all
        poll_and_reload(database, services, view, user_id=user_id)
    with database.transaction() as session:
        post = load_own_post(session, post_id, user_id=user_id, lock=True)
        cancel_call = cancel_or_prepare_call(session, post)
    if cancel_call is not None:
        try:
            with collect_calls(cancel_call.provider) as exchanges:
                call_cancel(cancel_call, services)
        except Conflict:
            with database.transaction() as session:
                post = load_own_post(session, post_id, user_id=user_id)
                PostExchanges(session).add_all(build_exchange_rows(post, exchanges))
            raise
        with database.transaction() as session:
            post = load_own_post(session, post_id, user_id=user_id, lock=True)
            PostExchanges(session).add_all(build_exchange_rows(post, exchanges))
            record_cancelled(session, post)


def cancel_or_prepare_call(session: Session, post: Post) -> CancelCall | None:
    """Cancel the post here, or return the call that asks the platform to. Errors: Conflict."""
    if post.state in FINAL_STATES or is_outcome_open(post) or post.state == PostState.UNCONFIRMED:
        raise not_cancellable_error(post)
    if HANDED_OVER not in post.step_state:
        cancel_locally(session, post)
        return None
    if post.sent_by != SentBy.PLATFORM:
        raise not_cancellable_error(post)
    try:
        token = get_posting_token(session, post)
    except Snooze as snooze:
        raise not_cancellable_error(post) from snooze
    return CancelCall(post.provider, load_post_publication(session, post, token), token)


def cancel_locally(session: Session, post: Post) -> None:
    post.lease_token += 1
    post.leased_until = None
    end_one_post(session, post, PostState.CANCELLED, CANCELLED_CODE)
    audit.record_action(session, "post.cancelled", user_id=post.user_id, subject=f"post:{post.id}")


def call_cancel(cancel_call: CancelCall, services: Services) -> None:
    """Errors: Conflict if the platform refuses or cannot be reached; CircuitOpen."""
    try:
        publisher = get_step_publisher(cancel_call.provider, services)
        token = cancel_call.token.decrypt(services)
        services.circuits.call(
            cancel_call.provider,
            "publish",
            lambda: publisher.cancel_post(cancel_call.publication, token),
        )
    except Rejected as error:
        raise Conflict(str(error), code="publish_not_cancellable") from error
    except PlatformError as error:
        details = {"reason": error.code}
        raise Conflict(str(error), code="publish_not_cancellable", details=details) from error


def record_cancelled(session: Session, post: Post) -> None:
    """Record that the platform has confirmed; its webhook will report the same again."""
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
    return Conflict(
        f"a post that is {post.state} cannot be cancelled any more",
        code="publish_not_cancellable",
        details=details,
    )


def retry_post(
    database: Database,
    services: Services,
    post_id: int,
    *,
    user_id: int,
    confirm: bool = False,
    idempotency_key: str | None = None,
) -> PostResult:
    """Publish the same content as a new post.

    `confirm` means that the person accepts that both posts may be published.
    Errors: NotFound; Conflict unless the post has failed or was cancelled, or is unconfirmed and
    `confirm` is set; as `request_post`.
    """
    options = RequestOptions(
        digest=request_digest({"retry_of": post_id, "confirm": confirm}),
        received_at=services.now(),
        idempotency_key=validate_idempotency_key(idempotency_key),
        may_queue=True,
    )
    with database.transaction() as session:
        original = load_own_post(session, post_id, user_id=user_id)
        earlier = find_earlier_result(session, services, options, user_id=user_id)
        if earlier is None:
            check_retryable(original, confirm=confirm)
            new_post = resolve_retry(session, services, original)
    if earlier is not None:
        return raise_if_error(earlier)
    if new_post.sent_by == SentBy.CALLER:  # the response must contain the upload URL
        options = replace(options, may_queue=False)
    return create_post(database, services, new_post, options)


def check_retryable(post: Post, *, confirm: bool) -> None:
    if post.state in RETRYABLE_STATES or (post.state == PostState.UNCONFIRMED and confirm):
        return
    details = {"state": post.state, "confirmable": post.state == PostState.UNCONFIRMED}
    raise Conflict(f"a post that is {post.state} cannot be retried", details=details)


def resolve_retry(session: Session, services: Services, original: Post) -> NewPost:
    """The original's content, checked against the present account, files and settings.

    Errors: as `resolve_request`.
    """
    target = select_target(
        session,
        original.provider,
        user_id=original.user_id,
        account_id=load_active_account(session, original).id,
        destination_id=original.destination_id,
    )
    new_post = NewPost(
        user_id=original.user_id,
        oauth_account_id=target.account.id,
        destination_id=target.destination_id,
        kind=original.kind,
        source=original.source,
        sent_by=SentBy(original.sent_by),
        title=original.title,
        payload_json=original.payload_json,
        media_id=original.media_id,
        bytes_total=original.bytes_total,
        retry_of=original.id,
        group_id=original.group_id,
        provider=original.provider,
        parts=copy_items(PostParts(session).list_by_post(original.id)),
    )
    for media_id in new_post.media_ids:
        file = load_complete_media(session, media_id, user_id=original.user_id)
        check_stored_file(services, new_post, file)
    check_settings(services, PLATFORMS[original.provider], read_stored_fields(original))
    return new_post


def release_post(
    database: Database,
    services: Services,
    post_id: int,
    *,
    user_id: int,
    is_by_operator: bool = False,
) -> Post:
    """Let a parked post continue, now or at `publish_at`.

    `is_by_operator`: the timeline says that an operator did it, and not its owner.
    Errors: NotFound; Conflict if it is not parked; NotConnected, NeedsReconnect.
    """
    with database.transaction() as session:
        post = load_own_post(session, post_id, user_id=user_id, lock=True)
        release_locked_post(session, post, is_by_operator=is_by_operator)
        session.flush()
        session.refresh(post)
    services.wake("posts")
    return post


def release_locked_post(session: Session, post: Post, *, is_by_operator: bool) -> None:
    """Release a post that is locked. Errors: as `release_post`, before anything is changed."""
    if post.hold_reason is None:
        raise Conflict("the post is not parked", details={"state": post.state})
    load_active_account(session, post)
    kind = "released_by_operator" if is_by_operator else "released"
    PostEvents(session).add(post, kind, note=post.hold_reason)
    post.hold_reason = None
    post.due_at = Posts.due_time(post.publish_at)
    audit.record_action(session, "post.released", user_id=post.user_id, subject=f"post:{post.id}")


def load_active_account(session: Session, post: Post) -> Account:
    """The post's account, if it is connected. Errors: NotConnected, NeedsReconnect."""
    account = Accounts(session).get(post.oauth_account_id)
    if account is None or account.disconnected_at is not None:
        raise NotConnected
    check_account_active(account)
    return account
