"""Posts of all platforms: request, list and show them, cancel, retry or release one."""

from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Blueprint, Response, request
from pydantic import Field

from app.api.post_models import build_post_models
from app.api.post_responses import prefers_async, respond_with_post, respond_with_retry
from app.http.context import current_container, current_principal, require_scopes
from app.http.rate_limits import check_platform_rates
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import (
    MAX_POST_BYTES,
    OptionalRowId,
    RequestModel,
    success_body,
    validate_body,
    validate_query,
)
from app.serialize.posts import (
    failure_reasons,
    serialize_event,
    serialize_exchange,
    serialize_post,
    serialize_quotas,
)
from core import publishing
from core.errors import Invalid, NotFound
from core.publishing import PostChanges, PostRequest
from core.publishing.post_request import MAX_TEXT_LENGTH
from core.validation import ClampedTime
from db.posts.posts import POST_STATES
from db.publishing.post_filter import PostFilter
from platforms.registry import PLATFORMS
from platforms.request_types import PublishTime

blueprint = Blueprint("posts", __name__)

PLATFORM_NAMES = tuple(PLATFORMS)


class PostListQuery(RequestModel):
    platform: Literal[PLATFORM_NAMES] | None = None  # type: ignore[valid-type]  # from a table
    state: Literal[POST_STATES] | None = None  # type: ignore[valid-type]  # from a table
    account_id: OptionalRowId = None
    group_id: UUID | None = None
    since: Annotated[ClampedTime | None, Field(alias="from")] = None
    until: Annotated[ClampedTime | None, Field(alias="to")] = None
    q: Annotated[
        str | None,
        Field(max_length=200, description="words of the title, or how they begin; case is ignored"),
    ] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


class TimelineQuery(RequestModel):
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0


class ExchangeListQuery(RequestModel):
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


class EmptyBody(RequestModel):
    """A body without fields."""


class RetryRequest(RequestModel):
    confirm: Annotated[bool, Field(strict=True)] = False


class EditRequest(RequestModel):
    publish_at: PublishTime | None = None
    title: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""
    settings: dict[str, Any] = Field(default_factory=dict)


class QuotaQuery(RequestModel):
    account_id: OptionalRowId = None
    destination_id: OptionalRowId = None


@blueprint.post("/api/posts")
@require_scopes("posts:write")
@validate_body(PostRequest, variants=build_post_models(), max_bytes=MAX_POST_BYTES)
def request_post(body: PostRequest) -> tuple[Response, int]:
    """Request a post: from uploaded files, URLs, or bytes that you send yourself."""
    platform = publishing.find_request_platform(
        current_container().database, body, user_id=current_principal().user_id
    )
    check_platform_rates(platform)
    return respond_with_post(
        lambda: publishing.request_post(
            current_container().database,
            current_container().services,
            user_id=current_principal().user_id,
            request=body,
            idempotency_key=request.headers.get("Idempotency-Key"),
            may_queue=prefers_async(),
        )
    )


@blueprint.get("/api/posts")
@require_scopes("posts:read")
@validate_query(PostListQuery)
@reads_replica
def list_posts(query: PostListQuery) -> dict[str, Any]:
    """List my posts, newest first."""
    post_filter = PostFilter(
        provider=query.platform,
        state=query.state,
        account_id=query.account_id,
        group_id=query.group_id,
        since=query.since,
        until=query.until,
        words=query.q.strip() or None if query.q else None,
    )
    page = publishing.list_posts(
        reading_database(),
        post_filter,
        user_id=current_principal().user_id,
        limit=query.limit,
        before=query.cursor,
    )
    return success_body(
        data=[serialize_post(view, failure_reasons(view.post)) for view in page.posts],
        next_cursor=page.next_before and str(page.next_before),
    )


@blueprint.get("/api/posts/<int:post_id>")
@require_scopes("posts:read")
def show_post(post_id: int) -> dict[str, Any]:
    """Show a post with its timeline."""
    return success_body(data=load_serialized_post(post_id))


@blueprint.patch("/api/posts/<int:post_id>")
@require_scopes("posts:write")
@validate_body(EditRequest, max_bytes=MAX_POST_BYTES)
def edit_post(post_id: int, body: EditRequest) -> dict[str, Any]:
    """Change time, text or settings of a post that has not begun."""
    if not body.model_fields_set:
        raise Invalid("name at least one of publish_at, title and settings")
    changes = PostChanges(
        names=frozenset(body.model_fields_set),
        publish_at=body.publish_at,
        title=body.title,
        settings=body.settings,
    )
    publishing.edit_post(
        current_container().database,
        current_container().services,
        post_id,
        changes,
        user_id=current_principal().user_id,
    )
    return success_body(data=load_serialized_post(post_id))


@blueprint.get("/api/posts/<int:post_id>/events")
@require_scopes("posts:read")
@validate_query(TimelineQuery)
def list_post_events(post_id: int, query: TimelineQuery) -> dict[str, Any]:
    """List the events of a post's timeline, optionally those after an id."""
    entries = publishing.get_timeline(
        current_container().database,
        post_id,
        user_id=current_principal().user_id,
        after=query.after,
    )
    return success_body(events=[serialize_event(entry) for entry in entries])


@blueprint.get("/api/posts/<int:post_id>/exchanges")
@require_scopes("posts:read")
@validate_query(ExchangeListQuery)
def list_post_exchanges(post_id: int, query: ExchangeListQuery) -> dict[str, Any]:
    """List the calls that a post made to its platform, newest first, without secrets."""
    rows, next_before = publishing.list_exchanges(
        current_container().database,
        post_id,
        user_id=current_principal().user_id,
        limit=query.limit,
        before=query.cursor,
    )
    return success_body(
        data=[serialize_exchange(row) for row in rows],
        next_cursor=next_before and str(next_before),
    )


@blueprint.post("/api/posts/<int:post_id>/cancel")
@require_scopes("posts:write")
@validate_body(EmptyBody)
def cancel_post(post_id: int, body: EmptyBody) -> dict[str, Any]:  # noqa: ARG001 - only validated
    """Cancel a post, if it can still be cancelled."""
    publishing.cancel_post(
        current_container().database,
        current_container().services,
        post_id,
        user_id=current_principal().user_id,
    )
    return success_body(data=load_serialized_post(post_id))


@blueprint.post("/api/posts/<int:post_id>/retry")
@require_scopes("posts:write")
@validate_body(RetryRequest)
def retry_post(post_id: int, body: RetryRequest) -> tuple[Response, int]:
    """Retry a post as a new post."""
    return respond_with_retry(
        lambda: publishing.retry_post(
            current_container().database,
            current_container().services,
            post_id,
            user_id=current_principal().user_id,
            confirm=body.confirm,
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
    )


@blueprint.post("/api/posts/<int:post_id>/release")
@require_scopes("posts:write")
@validate_body(EmptyBody)
def release_post(post_id: int, body: EmptyBody) -> tuple[dict[str, Any], int]:  # noqa: ARG001 - only validated
    """Release a parked post."""
    publishing.release_post(
        current_container().database,
        current_container().services,
        post_id,
        user_id=current_principal().user_id,
    )
    return success_body(data=load_serialized_post(post_id)), 202


@blueprint.get("/api/platforms/<platform>/quota")
@blueprint.get("/api/<platform>/quota")
@require_scopes("posts:read")
@validate_query(QuotaQuery)
def show_quota(platform: str, query: QuotaQuery) -> dict[str, Any]:
    """Show how much of a platform's limits an account has used."""
    if platform not in PLATFORMS:
        raise NotFound("there is no such platform")
    remaining = publishing.get_remaining_quota(
        current_container().database,
        current_container().services,
        platform,
        user_id=current_principal().user_id,
        account_id=query.account_id,
        destination_id=query.destination_id,
    )
    return success_body(
        data={
            "account_id": remaining.target.account.id,
            "destination_id": remaining.target.destination_id,
            "quotas": serialize_quotas(remaining.quotas),
        }
    )


def load_serialized_post(post_id: int) -> dict[str, Any]:
    view = publishing.get_post(
        current_container().database, post_id, user_id=current_principal().user_id
    )
    return serialize_post(view, failure_reasons(view.post), include_events=True)
