"""A post as commands print it: a line and a JSON object, short in lists and whole in `show`."""

from typing import Any

from app.cli.row_options import format_moment
from app.serialize.posts import serialize_event
from core.publishing import PostView
from db.posts.posts import Post
from db.posts.timeline import PostEvent
from db.publishing.operator_posts import StuckPost

POST_ROW_FIELDS = (
    "id userId platform accountId kind state step title publishAt dueAt attempts holdReason "
    "errorCode lastError createdAt"
)
POST_FIELDS = (
    f"{POST_ROW_FIELDS} destinationId source sentBy groupId retryOf publishId platformPostIds "
    "permalink bytesTotal bytesSent leasedUntil errorMessage startedAt finishedAt correlationId "
    "timeline"
)
MAX_TITLE_LENGTH = 40  # characters of a title in a line


def serialize_row(post: Post) -> dict[str, Any]:
    return {
        "id": post.id,
        "userId": post.user_id,
        "platform": post.provider,
        "accountId": post.oauth_account_id,
        "kind": post.kind,
        "state": post.state,
        "step": post.step,
        "title": post.title,
        "publishAt": post.publish_at,
        "dueAt": post.due_at,
        "attempts": post.attempts,
        "holdReason": post.hold_reason,
        "errorCode": post.error_code,
        "lastError": post.last_error,
        "createdAt": post.created_at,
    }


def serialize_stuck_post(stuck: StuckPost) -> dict[str, Any]:
    return {**serialize_row(stuck.post), "cause": stuck.cause}


def serialize_details(view: PostView) -> dict[str, Any]:
    post = view.post
    return {
        **serialize_row(post),
        "destinationId": post.destination_id,
        "source": post.source,
        "sentBy": post.sent_by,
        "groupId": None if post.group_id is None else str(post.group_id),
        "retryOf": post.retry_of,
        "publishId": post.publish_id,
        "platformPostIds": post.platform_post_ids,
        "permalink": post.permalink,
        "bytesTotal": post.bytes_total,
        "bytesSent": post.bytes_sent,
        "leasedUntil": post.leased_until,
        "errorMessage": post.error_message,
        "startedAt": post.started_at,
        "finishedAt": post.finished_at,
        "correlationId": post.correlation_id,
        "timeline": [serialize_event(event) for event in view.events],
    }


def describe_row(post: Post) -> str:
    """Return one line: what it is, whose, and how it stands."""
    moment = format_moment(post.publish_at or post.created_at)
    notes = [
        f"on hold: {post.hold_reason}" if post.hold_reason else "",
        post.error_code or "",
        f"{post.attempts} attempts: {post.last_error}" if post.last_error else "",
    ]
    noted = "".join(f", {note}" for note in notes if note)
    return (
        f"post {post.id}: {post.state}, {post.provider} {post.kind} of user {post.user_id}, "
        f"{moment}{noted}  {post.title[:MAX_TITLE_LENGTH]}".rstrip()
    )


def describe_stuck_post(stuck: StuckPost) -> str:
    return f"{stuck.cause:11}  {describe_row(stuck.post)}"


def describe_post_details(view: PostView) -> str:
    """Return a line for each field that has a value, then the timeline."""
    details = serialize_details(view)
    width = max(map(len, details))
    lines = [
        f"{name:{width}}  {value}"
        for name, value in details.items()
        if name != "timeline" and value not in (None, "", [])
    ]
    return "\n".join([*lines, "timeline", *map(describe_event, view.events)])


def describe_event(event: PostEvent) -> str:
    change = f" {event.before or '-'} → {event.after}" if event.after else ""
    note = f": {event.note}" if event.note else ""
    return f"  {event.at:%Y-%m-%d %H:%M:%S} UTC  {event.kind}{change}{note}"
