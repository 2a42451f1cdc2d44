"""`media_publish`: makes a container a post, at most once.

Source: Meta, ig-user/media_publish, text of 2026-09-11. What a second publish of one container
answers is not documented: it never makes a second post here, and a setting decides the answer.
"""

import secrets
from typing import Any

from flask import Blueprint, request

from platforms.sandbox.instagram.access import GraphCaller, find_account, read_params
from platforms.sandbox.instagram.container_calls import check_publishing_account
from platforms.sandbox.instagram.containers import (
    CAROUSEL,
    REELS,
    STORIES,
    SandboxContainer,
    SandboxContainerStatus,
)
from platforms.sandbox.instagram.graph_errors import invalid_parameter
from platforms.sandbox.instagram.graph_route import graph_route
from platforms.sandbox.instagram.media_nodes import (
    ALBUM_MEDIA,
    FEED,
    IMAGE_MEDIA,
    REELS_PRODUCT,
    STORY,
    VIDEO_MEDIA,
    SandboxMedia,
)
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.publishing_errors import (
    CREATION_ID_UNKNOWN,
    MEDIA_EXPIRED,
    NOT_READY,
    QUOTA_REACHED,
    publishing_error,
)
from platforms.sandbox.instagram.publishing_limit import count_usage
from platforms.sandbox.instagram.publishing_records import PublishRecord
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.story_events import schedule_story_insights
from platforms.sandbox.request_log import ENTRY_KEY

routes = Blueprint("instagram_publishing", __name__)

MEDIA_ID_PREFIX = "179"
SITE_URL = "https://www.instagram.com"
PRODUCT_TYPES = {REELS: REELS_PRODUCT, STORIES: STORY}
EXPIRED_CODES = {24: CREATION_ID_UNKNOWN, -2: MEDIA_EXPIRED}


@graph_route(routes, "POST", "/<ig_id>/media_publish")
def publish_container(caller: GraphCaller, ig_id: str) -> dict[str, Any]:
    """Publish under the lock, so that two calls at once cannot both do it."""
    state, params = current_instagram(), read_params()
    account = find_account(caller, ig_id)
    caller.require_feature("publish")
    check_publishing_account(account)
    creation_id = str(params.get("creation_id", ""))
    if not creation_id:
        raise invalid_parameter("The parameter creation_id is required")
    request.environ[ENTRY_KEY].update(creation_id=creation_id)
    container: SandboxContainer | None = state.containers.get(creation_id)
    if container is None or container.account_id != account.id:
        raise publishing_error(CREATION_ID_UNKNOWN)
    if container.media_id:
        return answer_second_publish(state, container)
    check_publishable(state, account, container)
    media = publish_media(state, account, container)
    request.environ[ENTRY_KEY].update(media_id=media.id)
    return {"id": media.id}


def answer_second_publish(state: InstagramState, container: SandboxContainer) -> dict[str, Any]:
    if state.settings.second_publish == "same_id":
        return {"id": container.media_id}
    raise publishing_error(CREATION_ID_UNKNOWN)


def check_publishable(
    state: InstagramState, account: IgAccount, container: SandboxContainer
) -> None:
    """Errors: GraphError; the quota is enforced here and not when containers are created."""
    if container.request.is_carousel_item:
        raise invalid_parameter("A carousel item cannot be published alone")
    status = container.status_at(state.now)
    if status == SandboxContainerStatus.EXPIRED:
        raise publishing_error(EXPIRED_CODES[state.settings.expired_code])
    if status != SandboxContainerStatus.FINISHED:
        raise publishing_error(NOT_READY)
    if container.late_publishes > 0:
        container.late_publishes -= 1
        raise publishing_error(NOT_READY)
    is_counted = container.request.media_type != STORIES or state.settings.has_stories_in_quota
    if is_counted and count_usage(state, account) >= state.settings.publishing_quota:
        raise publishing_error(QUOTA_REACHED)


def publish_media(
    state: InstagramState, account: IgAccount, container: SandboxContainer
) -> SandboxMedia:
    media = add_media(state, account, container)
    children = [state.containers[child_id] for child_id in container.request.children]
    media.children = tuple(
        add_media(state, account, child, parent_id=media.id).id for child in children
    )
    state.publishing.records.append(
        PublishRecord(
            media.id,
            account.id,
            container.id,
            media.media_product_type,
            media.media_type,
            media.caption,
            state.now,
        )
    )
    schedule_story_insights(state, media)
    return media


def add_media(
    state: InstagramState,
    account: IgAccount,
    container: SandboxContainer,
    *,
    parent_id: str | None = None,
) -> SandboxMedia:
    wanted, shortcode = container.request, "D" + secrets.token_urlsafe(8)[:10]
    media_id = state.new_id(MEDIA_ID_PREFIX)
    product_type = PRODUCT_TYPES.get(wanted.media_type, FEED)
    media = SandboxMedia(
        media_id,
        account.id,
        product_type,
        published_type(container),
        wanted.caption,
        state.now,
        shortcode,
        find_permalink(account, product_type, shortcode, media_id),
        container_id=container.id,
        parent_id=parent_id,
        is_shared_to_feed=wanted.share_to_feed,
        alt_text=wanted.alt_text,
        collaborators=wanted.collaborators,
        is_ai_generated=wanted.is_ai_generated,
        is_flagged=container.has_copyright_match,
        size=container.size,
        digest=container.digest,
    )
    state.media[media_id] = media
    container.media_id = media_id
    return media


def published_type(container: SandboxContainer) -> str:
    """Return `media_type` as it is read: reels and stories are VIDEO or IMAGE there."""
    if container.request.media_type == CAROUSEL:
        return ALBUM_MEDIA
    return VIDEO_MEDIA if container.request.is_video else IMAGE_MEDIA


def find_permalink(account: IgAccount, product_type: str, shortcode: str, media_id: str) -> str:
    if product_type == STORY:
        return f"{SITE_URL}/stories/{account.username}/{media_id}"
    return f"{SITE_URL}/{'reel' if product_type == REELS_PRODUCT else 'p'}/{shortcode}/"
