"""The answer to a request for a post, new or repeated with the same idempotency key."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, after_this_request, jsonify, request

from app.http.context import current_container, request_id
from app.http.path_prefix import add_prefix
from app.http.validation import success_body
from app.serialize.posts import (
    describe_for_route,
    serialize_quotas,
    serialize_result,
    upload_fields,
)
from core.errors import CoreError
from core.publishing import PostResult, PostView
from db.posts.posts import FINAL_POST_STATES
from platforms.post_requests import SeedPaths, SeedUse
from platforms.registry import PLATFORMS

REPLAYED_HEADER = "Idempotency-Replayed"
API_VERSION = "1"


def prefers_async() -> bool:
    """Whether the request has `Prefer: respond-async`: it does not wait for the platform."""
    preferences = request.headers.get("Prefer", "").split(",")
    return "respond-async" in {part.split(";")[0].strip().lower() for part in preferences}


def respond_with_post(request_post: Callable[[], PostResult]) -> tuple[Response, int]:
    """Answer with the post: 200 once it has ended, 202 before. Errors pass through."""
    result = run_request(request_post)
    fields = serialize_result(result)
    status = 200 if result.post.state in FINAL_POST_STATES else 202
    return build_post_response(result, {"data": fields}, status=status)


def respond_in_form_of(
    seed_paths: SeedPaths, request_post: Callable[[], PostResult]
) -> tuple[Response, int]:
    """Answer with the post as the platform's own route for requests does. Errors pass through."""
    result = run_request(request_post)
    answer = describe_result(result)
    route = next(route for route in seed_paths.routes if route.use is SeedUse.REQUEST)
    status = 200 if seed_paths.is_complete(answer) else 202
    return build_post_response(result, route.to_response(answer), status=status)


def respond_with_retry(request_post: Callable[[], PostResult]) -> tuple[Response, int]:
    """Answer with the new post, in the form of its platform's own route where that is older."""
    result = run_request(request_post)
    seed_paths = PLATFORMS[result.post.provider].seed_paths
    if seed_paths is not None and seed_paths.is_default_format:
        return respond_in_form_of(seed_paths, lambda: result)
    return respond_with_post(lambda: result)


def describe_result(result: PostResult) -> dict[str, Any]:
    """Everything that a platform's own route may show of a requested post."""
    view = PostView(
        result.post,
        result.record,
        result.events,
        result.parts,
        result.destination_external_id,
    )
    return {
        **describe_for_route(view),
        "url": add_prefix(f"/api/posts/{result.post.id}"),
        "quota": serialize_quotas(result.quotas),
        "meta": build_meta(),
        **upload_fields(result),
    }


def build_meta() -> dict[str, Any]:
    """What some routes say about the answer itself."""
    return {
        "timestamp": current_container().services.now(),
        "requestId": request_id(),
        "version": API_VERSION,
    }


def run_request(request_post: Callable[[], PostResult]) -> PostResult:
    try:
        result = request_post()
    except CoreError as error:
        mark_repeat(is_repeat=bool(error.details.get("replayed")))
        raise
    mark_repeat(is_repeat=result.is_repeat)
    return result


def build_post_response(
    result: PostResult, fields: Mapping[str, Any], *, status: int
) -> tuple[Response, int]:
    response = jsonify(success_body(**fields))
    response.headers["Location"] = add_prefix(f"/api/posts/{result.post.id}")
    response.headers["Cache-Control"] = "no-store"  # the upload URL grants access by itself
    return response, status


def mark_repeat(*, is_repeat: bool) -> None:
    """Have the header set on this request's response, also if it is an error."""
    if is_repeat:
        after_this_request(set_replayed_header)


def set_replayed_header(response: Response) -> Response:
    response.headers[REPLAYED_HEADER] = "true"
    return response
