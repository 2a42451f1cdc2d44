"""Controls of what visitors do and of what Meta counts: comments, mentions, metrics, usage."""

import secrets
from dataclasses import asdict, fields
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound

from platforms.sandbox.control_api import read_json_object
from platforms.sandbox.instagram.comments import (
    COMMENT_ID_PREFIX,
    media_owner,
    newest_first,
    send_comment_event,
)
from platforms.sandbox.instagram.delivery_bodies import EntryChange
from platforms.sandbox.instagram.media_nodes import SandboxMedia
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.publishing import find_permalink
from platforms.sandbox.instagram.reading_state import SandboxComment, SandboxForeignMedia
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.story_events import schedule_story_insights
from platforms.sandbox.instagram.tokens import INSTAGRAM
from platforms.sandbox.instagram.usage import usage_counter
from platforms.sandbox.instagram.webhook_events import (
    DeliveryOptions,
    send_change,
    send_changes,
    should_deliver,
)

routes = Blueprint("instagram_comment_controls", __name__, url_prefix="/_sandbox/instagram")

Json = dict[str, Any]
FOREIGN_MEDIA_PREFIX, VISITOR_PREFIX, APP_POST_PREFIX = "18", "9", "180"
APP_POST_PARAMS = {"account_id", "media_product_type", "media_type", "caption", "timestamp"}
COMMENT_CHANGES = {field.name for field in fields(SandboxComment)} - {"id", "media_id", "owner_id"}
COMMENT_PARAMS = {
    "media_id",
    "text",
    "username",
    "user_id",
    "parent_id",
    "like_count",
    "hidden",
} | {
    "is_withheld",
    "created_at",
    "is_silent",
}
DEFAULT_VISITOR = "visitor"


@routes.errorhandler(BadRequest)
@routes.errorhandler(NotFound)
def handle_error(error: BadRequest | NotFound) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code


@routes.get("/comments")
def list_all_comments() -> Json:
    """List every comment, also what no API shows, newest first; `media_id` limits the list."""
    meta, media_id = current_instagram(), request.args.get("media_id")
    with meta.lock:
        found = [each for each in meta.comments.values() if media_id in {None, each.media_id}]
        return {"comments": [asdict(comment) for comment in newest_first(found)]}


@routes.post("/comments")
def add_visitor_comment() -> Json:
    """Let a visitor comment on media, or reply with `parent_id`; `is_silent` sends no event."""
    params, meta = read_known(COMMENT_PARAMS), current_instagram()
    with meta.lock:
        media_id = require_known(params, "media_id", meta.media)
        if params.get("parent_id") is not None:
            require_known(params, "parent_id", meta.comments)
        comment = new_comment(meta, media_id, params)
        meta.comments[comment.id] = comment
        if not comment.is_withheld and not params.get("is_silent"):
            send_comment_event(meta, comment)
        return asdict(comment)


@routes.post("/comments/<comment_id>")
def change_comment(comment_id: str) -> Json:
    """Change a comment, as its author or a moderator in the app does. There are no events."""
    params, meta = read_known(COMMENT_CHANGES), current_instagram()
    with meta.lock:
        comment = find_any_comment(meta, comment_id)
        for name, value in params.items():
            setattr(comment, name, value)
        return asdict(comment)


@routes.delete("/comments/<comment_id>")
def remove_comment(comment_id: str) -> Json:
    """Delete a comment and its replies in the app. There are no events."""
    meta = current_instagram()
    with meta.lock:
        find_any_comment(meta, comment_id)
        doomed = [
            each.id for each in meta.comments.values() if comment_id in {each.id, each.parent_id}
        ]
        for each in doomed:
            del meta.comments[each]
        return {"deleted": doomed}


@routes.post("/app-posts")
def post_in_app() -> Json:
    """Let an account post in Instagram's own app: media that no container made, of any age."""
    params, meta = read_known(APP_POST_PARAMS), current_instagram()
    with meta.lock:
        account = meta.accounts[require_known(params, "account_id", meta.accounts)]
        product_type = str(params.get("media_product_type", "FEED"))
        media_id, shortcode = meta.new_id(APP_POST_PREFIX), "C" + secrets.token_urlsafe(8)[:10]
        media = SandboxMedia(
            media_id,
            account.id,
            product_type,
            str(params.get("media_type", "IMAGE")),
            str(params.get("caption", "")),
            float(params.get("timestamp", meta.now)),
            shortcode,
            find_permalink(account, product_type, shortcode, media_id),
        )
        meta.media[media_id] = media
        schedule_story_insights(meta, media)
        return media.as_dict()


@routes.post("/mentions")
def mention_account() -> Json:
    """Let a visitor mention an account in a caption or, with `text`, in a comment."""
    params = read_known({"account_id", "username", "caption", "text"})
    meta = current_instagram()
    with meta.lock:
        account = meta.accounts[require_known(params, "account_id", meta.accounts)]
        username = str(params.get("username", DEFAULT_VISITOR))
        caption = str(params.get("caption", f"with @{account.username}"))
        media = SandboxForeignMedia(meta.new_id(FOREIGN_MEDIA_PREFIX), username, caption, meta.now)
        meta.reading.foreign_media[media.id] = media
        if params.get("text") is None:
            media.mentioned_ids.add(account.id)
            send_change(meta, account, "mentions", {"media_id": media.id})
            return {"media_id": media.id, "comment_id": None}
        comment = new_comment(meta, media.id, params)
        meta.comments[comment.id] = comment
        meta.reading.mentioned_comments.setdefault(account.id, set()).add(comment.id)
        send_comment_mention(meta, account, comment)
        return {"media_id": media.id, "comment_id": comment.id}


@routes.post("/metrics")
def set_metrics() -> Json:
    """Set values of media or an account (`id`): null for no data, and what Facebook shows."""
    params = read_known({"id", "values", "is_shared_to_facebook", "is_highlight"})
    meta, values = current_instagram(), params.get("values", {})
    if not isinstance(values, dict) or not all(is_metric_value(each) for each in values.values()):
        raise BadRequest("values: has to be an object of numbers or null by metric")
    with meta.lock:
        node_id = require_known(params, "id", {**meta.media, **meta.accounts})
        meta.reading.metric_values.setdefault(node_id, {}).update(values)
        for name, ids in (
            ("is_shared_to_facebook", meta.reading.shared_to_facebook),
            ("is_highlight", meta.reading.highlights),
        ):
            if name in params:
                (ids.add if params[name] else ids.discard)(node_id)
        return {"id": node_id, "values": meta.reading.metric_values[node_id]}


@routes.post("/usage")
def set_usage() -> Json:
    """Set the used percent of an account's limit, or of the app's with `flavour`; null: count."""
    params, meta = read_known({"account_id", "flavour", "percent"}), current_instagram()
    percent = params.get("percent")
    if percent is not None and not is_metric_value(percent):
        raise BadRequest("percent: has to be a number or null")
    with meta.lock:
        if "flavour" in params:
            key = f"app:{params['flavour']}"
        else:
            key = f"account:{require_known(params, 'account_id', meta.accounts)}"
        counter = usage_counter(meta, key)
        counter.reset()
        counter.given_percent = percent
        return {"key": key, "percent": percent}


@routes.get("/usage")
def show_usage() -> Json:
    meta = current_instagram()
    with meta.lock:
        return {
            key: {"calls": len(counter.calls), "minutes": counter.minutes_to_regain(meta.now)}
            for key, counter in meta.calls.items()
        }


def read_known(names: set[str]) -> Json:
    """Return the body. Errors: BadRequest for unknown names, so that a typo does not pass."""
    params = read_json_object()
    if unknown := set(params) - names:
        raise BadRequest(f"unknown: {', '.join(sorted(unknown))}; there are {sorted(names)}")
    return params


def require_known(params: Json, name: str, nodes: Json) -> str:
    node_id = params.get(name)
    if not isinstance(node_id, str) or node_id not in nodes:
        raise NotFound(f"{name}: nothing has this id")
    return node_id


def find_any_comment(meta: InstagramState, comment_id: str) -> SandboxComment:
    comment: SandboxComment | None = meta.comments.get(comment_id)
    if comment is None:
        raise NotFound("no comment has this id")
    return comment


def new_comment(meta: InstagramState, media_id: str, params: Json) -> SandboxComment:
    return SandboxComment(
        id=meta.new_id(COMMENT_ID_PREFIX),
        media_id=media_id,
        owner_id=media_owner(meta, media_id),
        text=str(params.get("text", "")),
        created_at=float(params.get("created_at", meta.now)),
        from_id=str(params.get("user_id") or meta.new_id(VISITOR_PREFIX)),
        username=str(params.get("username", DEFAULT_VISITOR)),
        parent_id=params.get("parent_id"),
        like_count=int(params.get("like_count", 0)),
        hidden=bool(params.get("hidden", False)),
        is_withheld=bool(params.get("is_withheld", False)),
    )


def send_comment_mention(meta: InstagramState, account: IgAccount, comment: SandboxComment) -> None:
    """Send `mentions` to the Facebook app; the Instagram app gets it as `comments`."""
    ids = {"comment_id": comment.id, "media_id": comment.media_id}
    send_change(meta, account, "mentions", ids)
    if should_deliver(meta, account, "comments", INSTAGRAM):
        value = {
            "id": comment.id,
            "from": {"id": comment.from_id, "username": comment.username},
            "media": {"id": comment.media_id, "media_product_type": "FEED"},
            "text": comment.text,
        }
        change = EntryChange(account.id, "comments", value)
        options = DeliveryOptions(shape=meta.settings.delivery_shape)
        send_changes(meta, INSTAGRAM, [change], options)


def is_metric_value(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or is_number
