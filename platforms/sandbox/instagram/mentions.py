"""Mentions of an account in media and comments of others; only with Facebook Login.

Source: Meta, IG User mentioned_comment, mentioned_media and mentions, read 2026-11-22. Mentions in
stories are not supported.
"""

from typing import Any

from flask import Blueprint

from platforms.sandbox.instagram.access import GraphCaller, find_account, read_params
from platforms.sandbox.instagram.comments import add_own_comment
from platforms.sandbox.instagram.fields import FieldSpec, select_fields
from platforms.sandbox.instagram.graph_errors import (
    invalid_parameter,
    object_missing,
    unknown_field,
)
from platforms.sandbox.instagram.graph_route import FACEBOOK_HOST, graph_route
from platforms.sandbox.instagram.insight_checks import required_parameter
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.reading_state import (
    SandboxComment,
    SandboxForeignMedia,
    format_timestamp,
)
from platforms.sandbox.instagram.state import current_instagram

routes = Blueprint("instagram_mentions", __name__)

JsonObject = dict[str, Any]
MEDIA_FIELDS = (
    *("id", "caption", "media_type", "media_url", "permalink", "timestamp", "username"),
    *("like_count", "comments_count", "owner"),
)
MENTIONED_COMMENT_FIELDS = {
    **dict.fromkeys(("id", "like_count", "text", "timestamp")),
    "media": MEDIA_FIELDS,
}


def expand_comment(caller: GraphCaller, account: IgAccount, spec: FieldSpec) -> JsonObject:
    """Answer `mentioned_comment.comment_id(…){…}`, for a comment that mentions the account."""
    require_mentions(caller, spec.name)
    comment_id = required_argument(spec, "comment_id")
    meta = current_instagram()
    if comment_id not in meta.reading.mentioned_comments.get(account.id, set()):
        raise object_missing(comment_id)
    comment: SandboxComment = meta.comments[comment_id]
    media = meta.reading.foreign_media.get(comment.media_id)
    node = {
        "id": comment.id,
        "text": comment.text,
        "timestamp": format_timestamp(comment.created_at),
        "like_count": comment.like_count,
        "media": media_node(media) if media else {"id": comment.media_id},
    }
    specs = spec.children or (FieldSpec("id"), FieldSpec("text"), FieldSpec("timestamp"))
    return select_fields(node, specs, MENTIONED_COMMENT_FIELDS)


def expand_media(caller: GraphCaller, account: IgAccount, spec: FieldSpec) -> JsonObject:
    """Answer `mentioned_media.media_id(…){…}`, for media whose caption mentions the account."""
    require_mentions(caller, spec.name)
    media_id = required_argument(spec, "media_id")
    media = current_instagram().reading.foreign_media.get(media_id)
    if media is None or account.id not in media.mentioned_ids:
        raise object_missing(media_id)
    return select_fields(media_node(media), spec.children or (FieldSpec("id"),), MEDIA_FIELDS)


@graph_route(routes, "POST", "/<account_id>/mentions", hosts=(FACEBOOK_HOST,))
def reply_to_mention(caller: GraphCaller, account_id: str) -> JsonObject:
    """Comment on media that mentions the account, or reply to a comment that does."""
    caller.require_feature("comments")
    account, params, meta = find_account(caller, account_id), read_params(), current_instagram()
    media_id, comment_id = str(params.get("media_id", "")), params.get("comment_id")
    if not media_id:
        raise required_parameter("media_id")
    media = meta.reading.foreign_media.get(media_id)
    mentioned = meta.reading.mentioned_comments.get(account.id, set())
    if comment_id is not None and str(comment_id) not in mentioned:
        raise object_missing(str(comment_id))
    if media is None or (comment_id is None and account.id not in media.mentioned_ids):
        raise object_missing(media_id)
    return add_own_comment(account, media.id, parent_id=comment_id)


def require_mentions(caller: GraphCaller, name: str) -> None:
    """Errors: GraphError 100 on Instagram's host, which does not have these fields."""
    if caller.is_instagram:
        raise unknown_field(name)
    caller.require_feature("comments")


def required_argument(spec: FieldSpec, name: str) -> str:
    value = spec.arguments.get(name, "")
    if not value:
        raise invalid_parameter(f"{spec.name} needs the argument {name}")
    return value


def media_node(media: SandboxForeignMedia) -> JsonObject:
    comments = current_instagram().comments.values()
    return {
        "id": media.id,
        "caption": media.caption,
        "media_type": media.media_type,
        "media_url": f"https://scontent.cdninstagram.com/{media.id}.jpg?oh=sandbox",
        "permalink": media.permalink,
        "timestamp": format_timestamp(media.created_at),
        "username": media.username,
        "like_count": media.like_count,
        "comments_count": sum(comment.media_id == media.id for comment in comments),
    }
