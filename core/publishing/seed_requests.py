"""Requests with the body of a platform's own route, translated to the general request."""

from collections.abc import Mapping

from pydantic import BaseModel

from core.bootstrap import Services
from core.errors import Invalid
from core.publishing.create import request_post
from core.publishing.post_request import PostRequest
from core.publishing.post_results import PostResult
from core.validation import validate_model
from db.session import Database
from platforms.post_requests import SeedPaths


def request_post_by_body(
    database: Database,
    services: Services,
    *,
    seed_paths: SeedPaths,
    body: BaseModel,
    user_id: int,
    idempotency_key: str | None = None,
    may_queue: bool = False,
) -> PostResult:
    """Request a post with a body of the platform's own route.

    Errors: as `request_post`, with the names of the body's fields.
    """
    problems = seed_paths.find_body_problems(body)
    try:
        request = validate_model(PostRequest, seed_paths.to_post_request(body))
        return request_post(
            database,
            services,
            user_id=user_id,
            request=request,
            idempotency_key=idempotency_key,
            may_queue=may_queue,
            content=body.model_dump(mode="json"),
            problems=problems,
        )
    except Invalid as error:
        rename_fields(error, seed_paths, body, problems)
        raise


def rename_fields(
    error: Invalid, seed_paths: SeedPaths, body: BaseModel, problems: Mapping[str, str]
) -> None:
    """Give the fields of an error the names that the caller has sent.

    What the body's own rules say about a field is kept, as the caller knows it.
    """
    fields = error.details.get("fields")
    if isinstance(fields, Mapping):
        named = {
            field if field in problems else seed_paths.name_field(body, field): message
            for field, message in fields.items()
        }
        error.details["fields"] = {**named, **problems}
