"""Requests the posts of a composition, one for each account: what happened to each."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.http.context import current_container, current_principal
from app.http.errors import describe_error
from app.http.messages import UserMessage
from app.http.rate_limits import check_platform_rates
from app.pages.composer.requests import ComposedPost
from app.pages.composer.targets import ComposerTarget
from core import publishing
from core.errors import CoreError
from core.publishing import PostRequest
from platforms.errors import PlatformError


@dataclass(frozen=True)
class SendOutcome:
    """What became of the request of one account: a post, or an error."""

    target: ComposerTarget
    post_id: int | None = None
    error: UserMessage | None = None


def send_posts(posts: Sequence[ComposedPost], composition_id: UUID) -> list[SendOutcome]:
    """Request all posts. The same form sent twice makes each post once."""
    return [
        send_post(post.target, post.request, f"compose:{composition_id}:{post.target.key}")
        for post in posts
        if post.request is not None
    ]


def send_post(target: ComposerTarget, request: PostRequest, key: str) -> SendOutcome:
    try:
        check_platform_rates(target.platform)
        result = publishing.request_post(
            current_container().database,
            current_container().services,
            user_id=current_principal().user_id,
            request=request,
            idempotency_key=key,
            may_queue=True,
        )
    except (CoreError, PlatformError) as error:
        return SendOutcome(target, error=describe_error(error))
    return SendOutcome(target, post_id=result.post.id)
