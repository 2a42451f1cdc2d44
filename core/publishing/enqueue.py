"""Stores a request for a post that another service sent as the Celery task
`signalpost.enqueue_post`: the fields of `POST /api/posts`, or of a platform's own route.

An invalid request is stored too, as a failed post with its reason, so that its user and the
operator can find it.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from core import audit
from core.bootstrap import Services
from core.errors import CoreError, Invalid
from core.observability.telemetry import current_correlation_id
from core.post_state.changes import open_change_set
from core.post_state.settle import PostState
from core.publishing.create import request_post
from core.publishing.post_request import PostRequest
from core.publishing.post_results import request_digest
from core.publishing.resolve import OWN_SOURCE
from core.publishing.seed_requests import request_post_by_body
from core.validation import is_storable_text, validate_model
from db.identity.users import Users
from db.posts.posts import Posts, SentBy
from db.posts.timeline import PostEvents
from db.session import Database, Session
from platforms.errors import PlatformError
from platforms.registry import PLATFORMS

ENVELOPE_FIELDS = ("user_id", "idempotency_key")
GENERAL_FIELDS = frozenset({"platform", "destination_id", "kind", "text", "media", "options"})
"""Fields of `POST /api/posts` that the older body does not have."""

ROW_ID_LIMIT = 2**63

log = structlog.get_logger(__name__)


def enqueue_post(database: Database, services: Services, payload: Mapping[str, Any]) -> None:
    """Create a post from the task's payload, or store the request as rejected.

    Shapes: the fields of the HTTP request, `user_id` and, optionally, `idempotency_key`.
    Errors: DatabaseUnavailable; then nothing is stored and the message must be delivered again.
    """
    try:
        request_from_payload(database, services, payload)
    except (CoreError, PlatformError) as error:
        record_rejection(database, payload, error)


def request_from_payload(
    database: Database, services: Services, payload: Mapping[str, Any]
) -> None:
    values = {name: value for name, value in payload.items() if name not in ENVELOPE_FIELDS}
    seed_paths = PLATFORMS[find_seed_provider()].seed_paths
    if seed_paths is None or not GENERAL_FIELDS.isdisjoint(values):
        request = validate_model(PostRequest, values)
        request_post(
            database,
            services,
            user_id=require_user(database, payload),
            request=request,
            idempotency_key=parse_idempotency_key(payload),
            may_queue=True,
        )
        return
    body = validate_model(seed_paths.body, values)
    request_post_by_body(
        database,
        services,
        seed_paths=seed_paths,
        body=body,
        user_id=require_user(database, payload),
        idempotency_key=parse_idempotency_key(payload),
        may_queue=True,
    )


def find_seed_provider() -> str:
    """Return the platform whose own fields the task has always accepted."""
    return next(
        name
        for name, platform in PLATFORMS.items()
        if platform.seed_paths is not None and platform.seed_paths.is_default_format
    )


def require_user(database: Database, payload: Mapping[str, Any]) -> int:
    """Errors: Invalid unless `user_id` is the id of an active user."""
    with database.transaction() as session:
        user_id = find_user(session, payload)
    if user_id is None:
        raise Invalid(
            "user_id must be the id of an active user",
            details={"fields": {"user_id": "must be the id of an active user"}},
        )
    return user_id


def find_user(session: Session, payload: Mapping[str, Any]) -> int | None:
    user_id = payload.get("user_id")
    if not isinstance(user_id, int) or isinstance(user_id, bool) or not 0 < user_id < ROW_ID_LIMIT:
        return None
    user = Users(session).get(user_id)
    return None if user is None or user.disabled_at is not None else user.id


def parse_idempotency_key(payload: Mapping[str, Any]) -> str | None:
    key = payload.get("idempotency_key")
    if key is not None and not isinstance(key, str):
        fields = {"idempotency_key": "must be a string"}
        raise Invalid("the idempotency_key is not a string", details={"fields": fields})
    return key


def record_rejection(
    database: Database, payload: Mapping[str, Any], error: CoreError | PlatformError
) -> None:
    """Store a failed post and an entry in the audit log; without a valid user, only the entry."""
    log.warning("post.rejected", code=error.code)
    details = {"code": error.code, **getattr(error, "details", {})}
    with database.transaction() as session:
        user_id = find_user(session, payload)
        post_id = (
            insert_rejected_post(session, payload, error, user_id=user_id) if user_id else None
        )
        subject = f"post:{post_id}" if post_id else None
        audit.record_action(
            session, "post.rejected", user_id=user_id, subject=subject, details=details
        )


def insert_rejected_post(
    session: Session,
    payload: Mapping[str, Any],
    error: CoreError | PlatformError,
    *,
    user_id: int,
) -> int | None:
    """The row's id; None if the same message was rejected before."""
    provider, kind = name_rejected_kind(payload)
    post = Posts(session).add(
        user_id=user_id,
        provider=provider,
        kind=kind,
        source=OWN_SOURCE,
        sent_by=SentBy.SIGNALPOST,
        title=safe_title(payload.get("title", payload.get("text"))),
        payload_json={"rejected": getattr(error, "details", {}).get("fields", {})},
        state=PostState.FAILED,
        error_code=error.code,
        error_message=str(error),
        finished_at=Posts.now(),
        idempotency_key=rejection_key(payload, error),
        request_hash=request_digest(payload),
        correlation_id=current_correlation_id(),
    )
    if post is None:
        return None
    PostEvents(session).add(post, "rejected", after=PostState.FAILED, note=error.code)
    with open_change_set(session) as changes:
        changes.add_app_event(post)  # no response reports this failure
    return post.id


def name_rejected_kind(payload: Mapping[str, Any]) -> tuple[str, str]:
    """Return platform and kind as the payload names them, else the first ones that exist."""
    named = payload.get("platform")
    provider = named if isinstance(named, str) and named in PLATFORMS else find_seed_provider()
    kinds = PLATFORMS[provider].kinds
    kind = payload.get("kind")
    return provider, kind if isinstance(kind, str) and kind in kinds else next(iter(kinds))


def safe_title(title: object) -> str:
    return title[:2200] if isinstance(title, str) and is_storable_text(title) else ""


def rejection_key(payload: Mapping[str, Any], error: CoreError | PlatformError) -> str:
    """A key made from the payload, so that a message delivered twice is stored once."""
    return f"rejected:{request_digest({'payload': dict(payload), 'code': error.code})}"
