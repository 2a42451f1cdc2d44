"""Comments on the media of connected accounts: list, hide, reply, delete; and places for posts.

Each platform that offers comments has its routes.
"""

from typing import Annotated, Any

from flask import Blueprint, request
from pydantic import ConfigDict, Field, StrictBool

from app.http.context import current_container, current_principal, require_scopes
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import (
    OptionalRowId,
    RequestModel,
    success_body,
    validate_body,
    validate_query,
)
from app.serialize.comments import serialize_comment, serialize_place
from core import comments
from core.publishing.places import search_places
from db.comments.comments import CommentFilter
from platforms.publishing import Capability
from platforms.registry import PLATFORMS

blueprint = Blueprint("comments", __name__)


class CommentListQuery(RequestModel):
    account_id: Annotated[OptionalRowId, Field(alias="accountId")] = None
    media_id: Annotated[str | None, Field(alias="mediaId", min_length=1, max_length=255)] = None
    hidden: bool | None = None
    handled: bool | None = None
    own: bool | None = None
    q: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


class HideRequest(RequestModel):
    hide: StrictBool


class HandledRequest(RequestModel):
    handled: StrictBool


class ReplyBody(RequestModel):
    model_config = ConfigDict(strict=True)

    message: Annotated[str, Field(min_length=1, max_length=comments.MAX_REPLY_LENGTH)]


class EnableRequest(RequestModel):
    enabled: StrictBool


class PlaceQuery(RequestModel):
    query: Annotated[str, Field(alias="q", min_length=1, max_length=100)]
    account_id: Annotated[OptionalRowId, Field(alias="accountId")] = None


@require_scopes("comments:write")
@validate_query(CommentListQuery)
@reads_replica
def list_comments(platform: str, query: CommentListQuery) -> dict[str, Any]:
    """List the comments on my media, newest first, replies among them."""
    wanted = CommentFilter(
        user_id=current_principal().user_id,
        destination_id=query.account_id,
        item_key=query.media_id,
        is_hidden=query.hidden,
        is_handled=query.handled,
        is_own=query.own,
        text=query.q,
    )
    page = comments.list_comments(
        reading_database(), platform, wanted, limit=query.limit, before=query.cursor
    )
    return success_body(
        data=[serialize_comment(comment) for comment in page.comments],
        nextCursor=page.next_before and str(page.next_before),
    )


@require_scopes("comments:write")
@validate_body(HideRequest)
def hide_comment(platform: str, comment_id: str, body: HideRequest) -> dict[str, Any]:
    """Hide a comment from others, or show it again."""
    comment = comments.set_hidden(
        current_container().database,
        current_container().services,
        platform,
        comment_id,
        is_hidden=body.hide,
        user_id=current_principal().user_id,
    )
    return success_body(data={**serialize_comment(comment), "hidden": body.hide})


@require_scopes("comments:write")
@validate_body(HandledRequest)
def mark_comment(platform: str, comment_id: str, body: HandledRequest) -> dict[str, Any]:
    """Mark a comment as handled, or as open again. The platform does not learn of it."""
    comment = comments.set_handled(
        current_container().database,
        platform,
        comment_id,
        is_handled=body.handled,
        user_id=current_principal().user_id,
    )
    return success_body(data=serialize_comment(comment))


@require_scopes("comments:write")
@validate_body(ReplyBody)
def reply_to_comment(platform: str, comment_id: str, body: ReplyBody) -> dict[str, Any]:
    """Reply to a comment. Repeated with the same Idempotency-Key, it is sent only once."""
    criteria = comments.ReplyRequest(
        provider=platform,
        key=comment_id,
        text=body.message,
        user_id=current_principal().user_id,
        idempotency_key=request.headers.get("Idempotency-Key"),
    )
    sent = comments.reply_to_comment(
        current_container().database, current_container().services, criteria
    )
    return success_body(
        data={
            "replyId": sent.reply_id,
            "commentId": sent.comment.comment_id,
            "message": body.message,
            "isRepeat": sent.is_repeat,
        }
    )


@require_scopes("comments:write")
def delete_comment(platform: str, comment_id: str) -> dict[str, Any]:
    """Delete a comment at the platform."""
    comment = comments.delete_comment(
        current_container().database,
        current_container().services,
        platform,
        comment_id,
        user_id=current_principal().user_id,
    )
    return success_body(data={"id": comment.id, "commentId": comment.comment_id, "deleted": True})


@require_scopes("comments:write")
@validate_body(EnableRequest)
def enable_comments(platform: str, media_id: str, body: EnableRequest) -> dict[str, Any]:
    """Allow or forbid comments on one of my media."""
    comments.set_comments_enabled(
        current_container().database,
        current_container().services,
        platform,
        media_id,
        is_enabled=body.enabled,
        user_id=current_principal().user_id,
    )
    return success_body(data={"mediaId": media_id, "enabled": body.enabled})


@require_scopes("posts:write")
@validate_query(PlaceQuery)
def list_locations(platform: str, query: PlaceQuery) -> dict[str, Any]:
    """Find places that a post can name."""
    places = search_places(
        current_container().database,
        current_container().services,
        platform,
        query.query,
        user_id=current_principal().user_id,
        destination_id=query.account_id,
    )
    return success_body(data=[serialize_place(place) for place in places])


ROUTES_BY_CAPABILITY: dict[Capability, tuple[tuple[str, str, Any], ...]] = {
    Capability.COMMENTS: (
        ("comments", "GET", list_comments),
        ("comments/<comment_id>/hide", "POST", hide_comment),
        ("comments/<comment_id>/handled", "POST", mark_comment),
        ("comments/<comment_id>", "DELETE", delete_comment),
        ("media/<media_id>/comments", "POST", enable_comments),
    ),
    Capability.REPLY: (("comments/<comment_id>/reply", "POST", reply_to_comment),),
    Capability.LOCATION: (("locations", "GET", list_locations),),
}
"""Capability of a platform → path below `/api/<platform>/`, method, view."""


def add_routes(platform: str) -> None:
    """Add the routes of one platform, with its name as an argument of the views."""
    for capability in PLATFORMS[platform].capabilities & set(ROUTES_BY_CAPABILITY):
        for path, method, view in ROUTES_BY_CAPABILITY[capability]:
            blueprint.add_url_rule(
                f"/api/{platform}/{path}",
                f"{view.__name__}_{platform}",
                view,
                methods=[method],
                defaults={"platform": platform},
            )


for platform_name in PLATFORMS:
    add_routes(platform_name)
