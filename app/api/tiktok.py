"""The API for TikTok: request an upload, follow its status and progress, show the quota."""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import Field

from app.api.post_responses import respond_with_post
from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import (
    OptionalRowId,
    RequestModel,
    success_body,
    validate_body,
    validate_query,
)
from app.serialize import posts, video_metrics
from core import insights, publishing
from core.errors import Invalid
from core.publishing import UploadRequest
from db.posts.posts import POST_STATES
from db.posts.queries import PostFilter
from db.posts.tiktok_posts import TIKTOK_STATUSES

blueprint = Blueprint("tiktok", __name__)

MAX_PUBLISH_ID_CHARS = 255


class AccountQuery(RequestModel):
    account_id: OptionalRowId = None


class TikTokPostListQuery(AccountQuery):
    limit: Annotated[int, Field(ge=1, le=100)] = 5
    cursor: OptionalRowId = None
    status: Literal[(*TIKTOK_STATUSES, *POST_STATES)] | None = None  # type: ignore[valid-type]  # from two tables


@blueprint.post("/api/tiktok/upload")
@require_scopes("posts:write")
@validate_body(UploadRequest)
def request_upload(body: UploadRequest) -> tuple[Response, int]:
    """Request a post to TikTok: from an uploaded file, a URL, or bytes that you send yourself."""
    return respond_with_post(
        lambda: publishing.request_upload(
            current_container().database,
            current_container().services,
            user_id=current_principal().user_id,
            request=body,
            idempotency_key=request.headers.get("Idempotency-Key"),
            may_queue=prefers_async(),
        )
    )


def prefers_async() -> bool:
    """Whether the request has `Prefer: respond-async`: the answer may come before TikTok's."""
    preferences = request.headers.get("Prefer", "").split(",")
    return "respond-async" in {part.split(";")[0].strip().lower() for part in preferences}


@blueprint.get("/api/tiktok/status/<publish_id>")
@require_scopes("posts:read")
def show_publish_status(publish_id: str) -> dict[str, Any]:
    """Show the status of a publication; queries TikTok unless it was updated a moment ago."""
    if len(publish_id) > MAX_PUBLISH_ID_CHARS or not publish_id.isprintable():
        raise Invalid(
            f"a publish_id has at most {MAX_PUBLISH_ID_CHARS} printable characters",
            details={
                "fields": {"publish_id": f"at most {MAX_PUBLISH_ID_CHARS} printable characters"}
            },
        )
    user_id = current_principal().user_id
    view = publishing.get_current_status(
        current_container().database, current_container().services, publish_id, user_id=user_id
    )
    return success_body(data=posts.serialize_tiktok_post(view))


@blueprint.get("/api/tiktok/posts")
@require_scopes("posts:read")
@validate_query(TikTokPostListQuery)
def list_tiktok_posts(query: TikTokPostListQuery) -> dict[str, Any]:
    """List my TikTok posts, newest first, with the number of posts per status."""
    post_filter = PostFilter(provider="tiktok", status=query.status, account_id=query.account_id)
    user_id, database = current_principal().user_id, current_container().database
    page = publishing.list_posts(
        database, post_filter, user_id=user_id, limit=query.limit, before=query.cursor
    )
    counts = publishing.get_post_stats(database, user_id=user_id, account_id=query.account_id)
    statistics = load_post_statistics(page)
    return success_body(
        posts=[
            {**posts.serialize_tiktok_post(view), **statistics.get(view.post.id, {})}
            for view in page.posts
        ],
        stats=vars(counts),
        next_cursor=page.next_before and str(page.next_before),
    )


def load_post_statistics(page: publishing.PostPage) -> dict[int, dict[str, Any]]:
    """Load the metrics of each post on the page; none without the scope `insights:read`."""
    if not current_principal().has_scopes(["insights:read"]):
        return {}
    posts_with_tiktok_rows = [(view.post, view.tiktok_row) for view in page.posts]
    metrics = insights.load_post_metrics(
        current_container().database, posts_with_tiktok_rows, user_id=current_principal().user_id
    )
    return {
        post.id: {"statistics": video_metrics.serialize_statistics(metrics.get(post.id))}
        for post, _ in posts_with_tiktok_rows
    }


@blueprint.get("/api/tiktok/quota")
@require_scopes("posts:read")
@validate_query(AccountQuery)
def show_quota(query: AccountQuery) -> dict[str, Any]:
    """Show the remaining quota: drafts, direct posts and starts per minute."""
    quotas = publishing.get_remaining_quota(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        account_id=query.account_id,
    )
    return success_body(
        quota=posts.serialize_quota(quotas.drafts),
        direct=posts.serialize_quota(quotas.direct),
        rate=posts.serialize_rate(quotas.starts, quotas.now),
        **(
            {}
            if quotas.posting_accounts is None
            else {"users": posts.serialize_quota(quotas.posting_accounts)}
        ),
    )


@blueprint.get("/api/tiktok/upload/<int:post_id>/progress")
@require_scopes("posts:read")
def show_upload_progress(post_id: int) -> dict[str, Any]:
    """Show how many bytes of a post have been sent."""
    post = publishing.get_post(
        current_container().database, post_id, user_id=current_principal().user_id
    ).post
    return success_body(
        data=posts.serialize_progress(
            post, publishing.upload_progress(post, now=current_container().services.now())
        )
    )


@blueprint.get("/api/tiktok/creator-info")
@require_scopes("posts:read")
@validate_query(AccountQuery)
def show_creator_info(query: AccountQuery) -> dict[str, Any]:
    """Show what the creator currently allows; query it for each form and do not store it."""
    creator = publishing.get_creator(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        account_id=query.account_id,
    )
    return success_body(data=posts.serialize_creator(creator))
