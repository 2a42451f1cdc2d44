"""Comments: lists, single comments, replies, hiding and deleting.

Source: Meta, IG Comment, media/comments, comment moderation (text of 2026-09-11), read 2026-11-22;
the answer to a POST with `fields` as observed (brightbean #140).
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Blueprint, request

from platforms.sandbox.instagram.access import (
    GraphCaller,
    find_account,
    read_flag_param,
    read_params,
)
from platforms.sandbox.instagram.fields import FieldSpec, parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import (
    GraphError,
    invalid_parameter,
    missing_permission,
    object_missing,
)
from platforms.sandbox.instagram.graph_route import graph_route
from platforms.sandbox.instagram.insight_checks import required_parameter
from platforms.sandbox.instagram.media_access import find_media
from platforms.sandbox.instagram.media_nodes import SandboxMedia
from platforms.sandbox.instagram.paging import DEFAULT_LIMIT, page_of
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.reading_state import SandboxComment, format_timestamp
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.webhook_events import send_change

routes = Blueprint("instagram_comments", __name__)

MAX_COMMENTS = 50  # per query
COMMENT_FIELDS = (
    *("id", "text", "timestamp", "username", "from", "user", "like_count", "hidden", "media"),
    *("parent_id", "replies", "legacy_instagram_comment_id"),
)
DEFAULT_FIELDS = ("timestamp", "text", "id")
PRIVATE_FIELDS = ("username", "from", "user")
COMMENT_ID_PREFIX = "17"
JsonObject = dict[str, Any]


@graph_route(routes, "GET", "/<media_id>/comments")
def list_comments(caller: GraphCaller, media_id: str) -> JsonObject:
    """List the top-level comments, newest first; replies only by expansion."""
    caller.require_feature("comments")
    media = find_media(caller, media_id)
    found = [comment for comment in visible_comments(media.id) if comment.parent_id is None]
    return page_of_comments(caller, newest_first(found))


@graph_route(routes, "GET", "/<comment_id>/replies")
def list_replies(caller: GraphCaller, comment_id: str) -> JsonObject:
    caller.require_feature("comments")
    comment = find_comment(caller, comment_id)
    return page_of_comments(caller, replies_of(comment))


@graph_route(routes, "POST", "/<media_id>/comments")
def create_comment(caller: GraphCaller, media_id: str) -> JsonObject:
    caller.require_feature("comments")
    media = find_media(caller, media_id)
    if not media.is_comment_enabled:
        raise invalid_parameter("Comments are disabled on this media")
    return add_own_comment(find_account(caller, media.account_id), media.id)


@graph_route(routes, "POST", "/<comment_id>/replies")
def create_reply(caller: GraphCaller, comment_id: str) -> JsonObject:
    """Reply to a top-level comment. Errors: GraphError 100 for a reply to a reply."""
    caller.require_feature("comments")
    comment = find_comment(caller, comment_id)
    if comment.parent_id is not None:
        raise invalid_parameter("Replies can only be made to top-level comments")
    account = find_account(caller, comment.owner_id)
    return add_own_comment(account, comment.media_id, parent_id=comment.id)


def read_comment(caller: GraphCaller, comment_id: str) -> JsonObject:
    caller.require_feature("basic")
    specs = parse_fields(read_params().get("fields")) or default_specs()
    return comment_node(caller, find_comment(caller, comment_id), specs)


def hide_comment(caller: GraphCaller, comment_id: str) -> JsonObject:
    """Hide a comment or show it again; the owner's own comments always stay visible."""
    caller.require_feature("comments")
    hide = read_flag_param(read_params(), "hide")
    if hide is None:
        raise required_parameter("hide")
    comment = require_owner(caller, find_comment(caller, comment_id))
    comment.hidden = hide and comment.from_id != comment.owner_id
    return {"success": True}


def delete_comment(caller: GraphCaller, comment_id: str) -> JsonObject:
    """Delete a comment and its replies; only the owner of the media may, even not the author."""
    caller.require_feature("comments")
    comment = require_owner(caller, find_comment(caller, comment_id))
    comments = current_instagram().comments
    for reply in replies_of(comment):
        del comments[reply.id]
    del comments[comment.id]
    return {"success": True}


def find_comment(caller: GraphCaller, comment_id: str) -> SandboxComment:
    """Return a comment on own media, or an own comment elsewhere. Errors: GraphError 100/33.

    A comment that only mentions the account is read by `mentioned_comment`, not by its own node.
    """
    comment: SandboxComment | None = current_instagram().comments.get(comment_id)
    if comment is None or comment.is_withheld:
        raise object_missing(comment_id)
    for account_id in (comment.owner_id, comment.from_id):
        if can_read_account(caller, account_id):
            return comment
    raise object_missing(comment_id)


def can_read_account(caller: GraphCaller, account_id: str) -> bool:
    try:
        find_account(caller, account_id)
    except GraphError:
        return False
    return True


def require_owner(caller: GraphCaller, comment: SandboxComment) -> SandboxComment:
    if not can_read_account(caller, comment.owner_id):
        raise missing_permission()
    return comment


def visible_comments(media_id: str) -> list[SandboxComment]:
    comments: Iterable[SandboxComment] = current_instagram().comments.values()
    return [each for each in comments if each.media_id == media_id and not each.is_withheld]


def newest_first(comments: Iterable[SandboxComment]) -> list[SandboxComment]:
    return sorted(comments, key=lambda each: (each.created_at, each.id), reverse=True)


def replies_of(comment: SandboxComment) -> list[SandboxComment]:
    """Return the replies to a comment, oldest first."""
    found = [each for each in visible_comments(comment.media_id) if each.parent_id == comment.id]
    return newest_first(found)[::-1]


def default_specs() -> list[FieldSpec]:
    return [FieldSpec(name) for name in DEFAULT_FIELDS]


def page_of_comments(caller: GraphCaller, comments: list[SandboxComment]) -> JsonObject:
    params = read_params()
    specs = parse_fields(params.get("fields")) or default_specs()
    nodes = [comment_node(caller, comment, specs) for comment in comments]
    page = page_of(
        nodes, params, max_limit=MAX_COMMENTS, default_limit=MAX_COMMENTS, url=request.base_url
    )
    if not current_instagram().settings.comment_paging:
        page.pop("paging", None)
    return page


def comment_node(
    caller: GraphCaller, comment: SandboxComment, specs: Iterable[FieldSpec]
) -> JsonObject:
    """Return the requested fields; who wrote it is left out without the permission to moderate."""
    node: JsonObject = {
        "id": comment.id,
        "text": comment.text,
        "timestamp": format_timestamp(comment.created_at),
        "like_count": comment.like_count,
        "hidden": comment.hidden,
        "media": comment_media(comment),
        "parent_id": comment.parent_id,
        "legacy_instagram_comment_id": comment.id[2:],
        "replies": expand_replies(caller, comment),
    }
    if can_read_authors(caller):
        node["username"] = comment.username
        node["from"] = {"id": comment.from_id, "username": comment.username}
        if can_read_account(caller, comment.from_id):
            node["user"] = {"id": comment.from_id}
    return select_fields(node, list(specs), COMMENT_FIELDS)


def can_read_authors(caller: GraphCaller) -> bool:
    """Return whether username and from are answered; they need the permission since 2024-08-27."""
    name = "instagram_business_manage_comments" if caller.is_instagram else None
    return caller.has_scopes(name or "instagram_manage_comments")


def comment_media(comment: SandboxComment) -> JsonObject:
    media = current_instagram().media.get(comment.media_id)
    product_type = media.media_product_type if media else "FEED"
    return {"id": comment.media_id, "media_product_type": product_type}


def expand_replies(
    caller: GraphCaller, comment: SandboxComment
) -> Callable[[FieldSpec], JsonObject | None]:
    """Return the value of `replies{…}`: absent if there is none, as for replies themselves."""

    def expand(spec: FieldSpec) -> JsonObject | None:
        replies = replies_of(comment)[: min(spec.limit or MAX_COMMENTS, MAX_COMMENTS)]
        specs = list(spec.children or default_specs())
        nodes = [comment_node(caller, reply, specs) for reply in replies]
        return {"data": nodes} if nodes else None

    return expand


def expand_comments(caller: GraphCaller, media: SandboxMedia, spec: FieldSpec) -> JsonObject | None:
    """Return the value of `comments{…}` of media: absent if there is none."""
    caller.require_feature("comments")
    found = [each for each in visible_comments(media.id) if each.parent_id is None]
    comments = newest_first(found)[: min(spec.limit or DEFAULT_LIMIT, MAX_COMMENTS)]
    specs = list(spec.children or default_specs())
    nodes = [comment_node(caller, comment, specs) for comment in comments]
    return {"data": nodes} if nodes else None


def add_own_comment(
    account: IgAccount, media_id: str, *, parent_id: str | None = None
) -> JsonObject:
    """Write a comment of the account itself, and send it as an event as Meta does.

    Errors: GraphError 100 without a text; 20/1772107 for `fields`, after the comment was written.
    """
    params, meta = read_params(), current_instagram()
    message = str(params.get("message", "")).strip()
    if not message:
        raise required_parameter("message")
    comment = SandboxComment(
        id=meta.new_id(COMMENT_ID_PREFIX),
        media_id=media_id,
        owner_id=media_owner(meta, media_id),
        text=message,
        created_at=meta.now,
        from_id=account.id,
        username=account.username,
        parent_id=parent_id,
    )
    meta.comments[comment.id] = comment
    send_comment_event(meta, comment)
    if "fields" in params:
        raise GraphError(
            "(#20) The requested response format is not supported for this call", 20, 1772107
        )
    return {"id": comment.id}


def media_owner(meta: InstagramState, media_id: str) -> str:
    media = meta.media.get(media_id)
    return media.account_id if media is not None else ""


def send_comment_event(meta: InstagramState, comment: SandboxComment) -> None:
    """Send the `comments` event of a comment on own media; a reply names its parent."""
    if not comment.owner_id:
        return
    value: JsonObject = {
        "id": comment.id,
        "from": {"id": comment.from_id, "username": comment.username},
        "media": comment_media(comment),
        "text": comment.text,
    }
    if comment.parent_id is not None:
        value["parent_id"] = comment.parent_id
    send_change(meta, meta.accounts[comment.owner_id], "comments", value)
