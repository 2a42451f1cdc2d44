"""The answer to whoever asked for a post, once or again. Decides nothing."""

from collections.abc import Callable

from flask import Response, after_this_request, jsonify

from app import shapes
from app.body import ok
from core.errors import CoreError
from core.posts import Answer

REPLAYED = "Idempotency-Replayed"


def reply(ask: Callable[[], Answer]) -> tuple[Response, int]:
    """200 once the platform has it, 202 while only we do; errors go their way."""
    try:
        answer = ask()
    except CoreError as error:
        mark(is_replayed=bool(error.details.get("replayed")))
        raise
    mark(is_replayed=answer.replayed)
    told = jsonify(ok(data=shapes.upload(answer), quota=shapes.quota(answer.quota)))
    told.headers["Location"] = f"/api/posts/{answer.post.id}"
    told.headers["Cache-Control"] = "no-store"  # an upload address is its own key
    return told, 200 if answer.post.publish_id else 202


def mark(*, is_replayed: bool) -> None:
    if is_replayed:
        after_this_request(replayed)


def replayed(response: Response) -> Response:
    response.headers[REPLAYED] = "true"
    return response
