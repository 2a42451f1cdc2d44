"""The platforms' own routes from before `POST /api/posts`: each is an entry in the platform's
`seed_paths` and runs the general use case.
"""

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, Literal, cast

from flask import Blueprint, Response, make_response, request
from pydantic import Field, create_model

from app.api.post_responses import build_meta, prefers_async, respond_in_form_of
from app.http.context import current_container, current_principal, request_id, require_scopes
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import (
    MAX_POST_BYTES,
    OptionalRowId,
    RequestModel,
    success_body,
    validate_body,
    validate_query,
)
from app.serialize import posts, video_metrics
from core import insights, publishing
from core.errors import CoreError, Invalid
from db.posts.posts import POST_STATES
from db.publishing.post_filter import PostFilter
from platforms.platform import Platform
from platforms.post_requests import SeedPaths, SeedRoute, SeedUse
from platforms.registry import PLATFORMS

MAX_PUBLISH_ID_CHARS = 255
CORRELATION_HEADER, DURATION_HEADER = "X-Correlation-Id", "X-Duration-Ms"

View = Callable[..., Any]


class AccountQuery(RequestModel):
    account_id: OptionalRowId = None


class SeedListQuery(AccountQuery):
    limit: Annotated[int, Field(ge=1, le=100)] = 5
    cursor: OptionalRowId = None


def build_seed_blueprints() -> list[Blueprint]:
    """One blueprint for each platform that has routes of its own."""
    return [
        build_blueprint(platform, platform.seed_paths)
        for platform in PLATFORMS.values()
        if platform.seed_paths is not None
    ]


def build_blueprint(platform: Platform, seed_paths: SeedPaths) -> Blueprint:
    blueprint = Blueprint(platform.name, __name__)
    for route in seed_paths.routes:
        view = VIEW_BUILDERS[route.use](platform, seed_paths, route)
        method = "POST" if route.use is SeedUse.REQUEST else "GET"
        blueprint.add_url_rule(route.path, route.name, view, methods=[method])
    return blueprint


def finish_view(route: SeedRoute, view: View) -> View:
    """Add what all these routes share: their own error codes, headers and summary."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        started_at = time.monotonic()
        try:
            answer = view(*args, **kwargs)
        except CoreError as error:
            error.code = route.error_codes.get(error.code, error.code)
            raise
        return add_timing(answer, started_at) if route.is_timed else answer

    wrapper.__name__, wrapper.__doc__ = route.name, route.summary
    return wrapper


def add_timing(answer: Any, started_at: float) -> Response:
    response = make_response(answer)
    response.headers[CORRELATION_HEADER] = request_id()
    response.headers[DURATION_HEADER] = str(round((time.monotonic() - started_at) * 1000))
    return response


def build_request_view(platform: Platform, seed_paths: SeedPaths, route: SeedRoute) -> View:
    del platform

    def view(body: Any) -> tuple[Response, int]:
        return respond_in_form_of(
            seed_paths,
            lambda: publishing.request_post_by_body(
                current_container().database,
                current_container().services,
                seed_paths=seed_paths,
                body=body,
                user_id=current_principal().user_id,
                idempotency_key=request.headers.get("Idempotency-Key"),
                may_queue=prefers_async(),
            ),
        )

    validate = validate_body(seed_paths.body, max_bytes=MAX_POST_BYTES)
    wrapped = validate(finish_view(route, view))
    return require_scopes("posts:write")(wrapped)


def build_show_view(platform: Platform, seed_paths: SeedPaths, route: SeedRoute) -> View:
    del seed_paths

    def view(post_id: int) -> dict[str, Any]:
        post_view = load_own_view(platform, post_id)
        answer = {**posts.describe_for_route(post_view), "meta": build_meta()}
        return success_body(**route.to_response(answer))

    return require_scopes("posts:read")(finish_view(route, view))


def load_own_view(platform: Platform, post_id: int) -> publishing.PostView:
    """Load a post of this platform. Errors: NotFound, also for one of another platform."""
    return publishing.get_post(
        current_container().database,
        post_id,
        user_id=current_principal().user_id,
        provider=platform.name,
    )


def build_status_view(platform: Platform, seed_paths: SeedPaths, route: SeedRoute) -> View:
    del seed_paths

    def view(publish_id: str) -> dict[str, Any]:
        check_publish_id(publish_id)
        post_view = publishing.get_current_status(
            current_container().database,
            current_container().services,
            platform.name,
            publish_id,
            user_id=current_principal().user_id,
        )
        return success_body(**route.to_response(posts.describe_for_route(post_view)))

    return require_scopes("posts:read")(finish_view(route, view))


def check_publish_id(publish_id: str) -> None:
    if len(publish_id) > MAX_PUBLISH_ID_CHARS or not publish_id.isprintable():
        rule = f"at most {MAX_PUBLISH_ID_CHARS} printable characters"
        raise Invalid(f"a publish_id has {rule}", details={"fields": {"publish_id": rule}})


def build_list_view(platform: Platform, seed_paths: SeedPaths, route: SeedRoute) -> View:
    del seed_paths

    @reads_replica
    def view(query: Any) -> dict[str, Any]:
        user_id, database = current_principal().user_id, reading_database()
        page = publishing.list_posts(
            database,
            PostFilter(provider=platform.name, status=query.status, account_id=query.account_id),
            user_id=user_id,
            limit=query.limit,
            before=query.cursor,
        )
        counts = publishing.get_post_stats(
            database, user_id=user_id, provider=platform.name, account_id=query.account_id
        )
        statistics = load_post_statistics(page)
        answer = {
            "posts": [
                {**posts.describe_for_route(item), **statistics.get(item.post.id, {})}
                for item in page.posts
            ],
            "stats": vars(counts),
            "next_cursor": page.next_before and str(page.next_before),
        }
        return success_body(**route.to_response(answer))

    query_model = build_list_query(platform)
    return require_scopes("posts:read")(validate_query(query_model)(finish_view(route, view)))


def build_list_query(platform: Platform) -> type[RequestModel]:
    """The query of a list, with the platform's statuses and, while it has none, our states."""
    statuses = tuple(dict.fromkeys((*platform.status_ranks, *POST_STATES)))
    status_type = Literal[statuses]  # type: ignore[valid-type]  # from two tables
    name = f"{platform.brand.title}PostListQuery"
    return cast(
        "type[RequestModel]",
        create_model(name, __base__=SeedListQuery, status=(status_type | None, None)),
    )


def load_post_statistics(page: publishing.PostPage) -> Mapping[int, dict[str, Any]]:
    """Load the metrics of each post on the page; none without the scope `insights:read`."""
    if not current_principal().has_scopes(["insights:read"]):
        return {}
    posts_with_records = [(view.post, view.record) for view in page.posts]
    metrics = insights.load_post_metrics(
        reading_database(), posts_with_records, user_id=current_principal().user_id
    )
    return {
        post.id: {"statistics": video_metrics.serialize_statistics(metrics.get(post.id))}
        for post, _ in posts_with_records
    }


def build_quota_view(platform: Platform, seed_paths: SeedPaths, route: SeedRoute) -> View:
    del seed_paths

    def view(query: AccountQuery) -> dict[str, Any]:
        remaining = publishing.get_remaining_quota(
            current_container().database,
            current_container().services,
            platform.name,
            user_id=current_principal().user_id,
            account_id=query.account_id,
        )
        quotas = posts.serialize_quotas(remaining.quotas)
        return success_body(**route.to_response({"quotas": quotas, "now": remaining.now}))

    return require_scopes("posts:read")(validate_query(AccountQuery)(finish_view(route, view)))


def build_progress_view(platform: Platform, seed_paths: SeedPaths, route: SeedRoute) -> View:
    del platform, seed_paths

    def view(post_id: int) -> dict[str, Any]:
        container = current_container()
        post = publishing.get_post(
            container.database, post_id, user_id=current_principal().user_id
        ).post
        progress = publishing.upload_progress(post, now=container.services.now())
        return success_body(**route.to_response(posts.serialize_progress(post, progress)))

    return require_scopes("posts:read")(finish_view(route, view))


def build_choices_view(platform: Platform, seed_paths: SeedPaths, route: SeedRoute) -> View:
    del seed_paths

    def view(query: AccountQuery) -> dict[str, Any]:
        creator = publishing.get_posting_choices(
            current_container().database,
            current_container().services,
            platform.name,
            user_id=current_principal().user_id,
            account_id=query.account_id,
        )
        return success_body(**route.to_response(vars(creator)))

    return require_scopes("posts:read")(validate_query(AccountQuery)(finish_view(route, view)))


VIEW_BUILDERS: Mapping[SeedUse, Callable[[Platform, SeedPaths, SeedRoute], View]] = {
    SeedUse.REQUEST: build_request_view,
    SeedUse.SHOW: build_show_view,
    SeedUse.STATUS: build_status_view,
    SeedUse.LIST: build_list_view,
    SeedUse.QUOTA: build_quota_view,
    SeedUse.PROGRESS: build_progress_view,
    SeedUse.CHOICES: build_choices_view,
}
