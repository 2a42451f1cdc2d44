"""The answer to a request for a post, new or repeated with the same idempotency key."""

from collections.abc import Callable

from flask import Response, after_this_request, jsonify

from app.http.validation import success_body
from app.serialize.posts import serialize_quota, serialize_upload
from core.errors import CoreError
from core.publishing import PostResult

REPLAYED_HEADER = "Idempotency-Replayed"


def respond_with_post(request_post: Callable[[], PostResult]) -> tuple[Response, int]:
    """Answer with the post: 200 once the platform has it, 202 before. Errors pass through."""
    try:
        result = request_post()
    except CoreError as error:
        mark_repeat(is_repeat=bool(error.details.get("replayed")))
        raise
    mark_repeat(is_repeat=result.is_repeat)
    body = success_body(data=serialize_upload(result), quota=serialize_quota(result.quota))
    response = jsonify(body)
    response.headers["Location"] = f"/api/posts/{result.post.id}"
    response.headers["Cache-Control"] = "no-store"  # the upload URL grants access by itself
    return response, 200 if result.post.publish_id else 202


def mark_repeat(*, is_repeat: bool) -> None:
    """Have the header set on this request's response, also if it is an error."""
    if is_repeat:
        after_this_request(set_replayed_header)


def set_replayed_header(response: Response) -> Response:
    response.headers[REPLAYED_HEADER] = "true"
    return response
