"""Reading, changing and deleting published media, and the lists of an account.

Source: Meta, IG Media, ig-user/media and ig-user/stories, text of 2026-09-11; changelog 2025-12-03
(DELETE). An ended story is no longer readable unless it is a highlight.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, request

from platforms.sandbox.instagram.access import (
    GraphCaller,
    find_account,
    read_flag_param,
    read_params,
)
from platforms.sandbox.instagram.comments import expand_comments
from platforms.sandbox.instagram.fields import FieldSpec, parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import invalid_parameter, object_missing
from platforms.sandbox.instagram.graph_route import graph_route
from platforms.sandbox.instagram.insights import expand_insights
from platforms.sandbox.instagram.media_access import find_media, require_reading
from platforms.sandbox.instagram.media_nodes import (
    CHILD_FIELDS,
    NOT_IN_CHILDREN,
    VIDEO_MEDIA,
    SandboxMedia,
    readable_fields,
)
from platforms.sandbox.instagram.paging import page_of
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.publishing_errors import CANNOT_DELETE, publishing_error
from platforms.sandbox.instagram.reading_state import format_timestamp
from platforms.sandbox.instagram.state import InstagramState, current_instagram

routes = Blueprint("instagram_media_reads", __name__)

NODE_TYPE = "Media"
MAX_LISTED_MEDIA = 10_000  # the most recent
MAX_PAGE = 100
CDN_URL = "https://scontent.cdninstagram.com/v"
MediaEdge = Callable[[GraphCaller, SandboxMedia, FieldSpec], Any]
MEDIA_EDGES: Mapping[str, MediaEdge] = {"comments": expand_comments, "insights": expand_insights}
"""Edges that `fields` of media may expand, on both hosts."""


@graph_route(routes, "GET", "/<ig_id>/media")
def list_media(caller: GraphCaller, ig_id: str) -> Any:
    """List posts and reels, newest first; `since` and `until` compare with the media's time."""
    state, params = current_instagram(), read_params()
    account = find_account(caller, ig_id)
    require_reading(caller)
    since, until = read_time(params, "since"), read_time(params, "until")
    latest = state.now - state.settings.media_list_lag_seconds
    listed = [
        media
        for media in media_of_account(state, account)
        if not media.is_story
        and not media.is_archived
        and media.timestamp <= latest
        and (since is None or media.timestamp >= since)
        and (until is None or media.timestamp <= until)
    ]
    return page_of_media(caller, listed[:MAX_LISTED_MEDIA], params)


@graph_route(routes, "GET", "/<ig_id>/stories")
def list_stories(caller: GraphCaller, ig_id: str) -> Any:
    """List the stories of the last 24 hours, newest first."""
    state, params = current_instagram(), read_params()
    account = find_account(caller, ig_id)
    require_reading(caller)
    stories = [
        media
        for media in media_of_account(state, account)
        if media.is_story and not media.is_over(state.now) and not media.is_archived
    ]
    return page_of_media(caller, stories, params)


def media_of_account(state: InstagramState, account: IgAccount) -> list[SandboxMedia]:
    """Return the account's media without the items of albums, newest first."""
    found = [
        media
        for media in state.media.values()
        if media.account_id == account.id and media.parent_id is None
    ]
    return sorted(found, key=lambda media: (media.timestamp, media.id), reverse=True)


def page_of_media(
    caller: GraphCaller, listed: list[SandboxMedia], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Render one page only: an account may have thousands of media."""
    specs = parse_fields(params.get("fields") or "id")
    by_id = {media.id: media for media in listed}
    page = page_of(
        [{"id": media.id} for media in listed], params, max_limit=MAX_PAGE, url=request.base_url
    )
    return page | {
        "data": [select_media(caller, by_id[item["id"]], specs) for item in page["data"]]
    }


def read_time(params: Mapping[str, Any], name: str) -> float | None:
    text = str(params.get(name, ""))
    if not text:
        return None
    if not text.isdecimal():
        raise invalid_parameter(f"Param {name} must be a UNIX timestamp")
    return float(text)


def read_media(caller: GraphCaller, media_id: str) -> dict[str, Any]:
    media = find_media(caller, media_id)
    require_reading(caller)
    return select_media(caller, media, parse_fields(read_params().get("fields") or "id"))


@graph_route(routes, "GET", "/<media_id>/children")
def list_children(caller: GraphCaller, media_id: str) -> dict[str, Any]:
    """List the items of an album; other media have none."""
    media = find_media(caller, media_id)
    require_reading(caller)
    spec = FieldSpec("children", children=tuple(parse_fields(read_params().get("fields") or "id")))
    return select_children_of(current_instagram(), caller, media, spec) or {"data": []}


def update_media(caller: GraphCaller, media_id: str) -> dict[str, Any]:
    """Switch comments on or off."""
    media = find_media(caller, media_id)
    caller.require_feature("comments")
    is_enabled = read_flag_param(read_params(), "comment_enabled")
    if is_enabled is None:
        raise invalid_parameter("The parameter comment_enabled is required")
    media.is_comment_enabled = is_enabled
    return {"success": True}


def delete_media(caller: GraphCaller, media_id: str) -> dict[str, Any]:
    """Delete a post, reel, story or whole album; Instagram Login has no such call."""
    if caller.is_instagram:
        raise object_missing(media_id)
    media = find_media(caller, media_id)
    caller.require_feature("delete")
    if media.parent_id is not None:
        raise publishing_error(CANNOT_DELETE)
    state = current_instagram()
    for gone_id in (media.id, *media.children):
        state.media.pop(gone_id, None)
    return {"success": True, "deleted_id": media_id}


def select_media(
    caller: GraphCaller, media: SandboxMedia, specs: list[FieldSpec]
) -> dict[str, Any]:
    """Return the requested fields. Errors: GraphError 100 if one is not this login's."""
    state = current_instagram()
    node: dict[str, Any] = media_values(state, media)
    node |= {
        "caption": read_caption_text(state, caller, media),
        "children": lambda spec: select_children_of(state, caller, media, spec),
        "owner": lambda spec: select_owner(state, media, spec),
    }
    if media.parent_id is not None:
        node |= dict.fromkeys(NOT_IN_CHILDREN)
    for name, expand in MEDIA_EDGES.items():
        node[name] = lambda spec, expand=expand: expand(caller, media, spec)
    allowed = readable_fields(
        is_instagram=caller.is_instagram, reads_captions=state.settings.instagram_login_captions
    )
    return select_fields(node, specs, allowed.union(MEDIA_EDGES), node_type=NODE_TYPE)


def media_values(state: InstagramState, media: SandboxMedia) -> dict[str, Any]:
    """Return the values that do not depend on who reads; None is left out of the answer."""
    is_video = media.media_type == VIDEO_MEDIA
    comment_count = sum(1 for each in state.comments.values() if each.media_id == media.id)
    return {
        "id": media.id,
        "ig_id": media.id[::-1],
        "legacy_instagram_media_id": media.id[::-1],
        "media_type": media.media_type,
        "media_product_type": media.media_product_type,
        "media_url": None if media.is_flagged else file_url(media, "mp4" if is_video else "jpg"),
        "thumbnail_url": file_url(media, "jpg") if is_video else None,
        "permalink": media.permalink,
        "shortcode": media.shortcode,
        "timestamp": format_timestamp(media.timestamp),
        "username": state.accounts[media.account_id].username,
        "like_count": None if media.is_like_count_hidden else media.like_count,
        "comments_count": comment_count,
        "total_like_count": media.like_count,
        "total_comments_count": comment_count,
        "total_views_count": 0,
        "saved_count": 0,
        "shares_count": 0,
        "reposts_count": 0,
        "is_comment_enabled": media.is_comment_enabled,
        "is_shared_to_feed": media.is_shared_to_feed
        if media.media_product_type == "REELS"
        else None,
        "alt_text": media.alt_text or None,
        "is_ai_generated": media.is_ai_generated,
        "media_audio_type": "ORIGINAL_SOUNDS" if is_video else None,
        "copyright_check_information": copyright_information(media) if is_video else None,
        "collaborators": {"data": [{"username": name} for name in media.collaborators]}
        if media.collaborators
        else None,
        "boost_ads_list": [],
        "boost_eligibility_info": {"eligible_to_boost": not media.is_story},
    }


def copyright_information(media: SandboxMedia) -> dict[str, Any]:
    """Return what the check found; an owner of the music has muted it in one country."""
    found: dict[str, Any] = {"status": "completed", "matches_found": media.is_flagged}
    if media.is_flagged:
        segment = {
            "start_time_in_seconds": 0,
            "duration_in_seconds": 3,
            "segment_type": "AUDIO",
        }
        policy = {"name": "Mute", "actions": [{"action": "MUTE", "geos": ["FR"]}]}
        found["copyright_matches"] = [
            {
                "author": "Somebody",
                "content_title": "A song",
                "matched_segments": [segment],
                "owner_copyright_policy": policy,
            }
        ]
    return found


def file_url(media: SandboxMedia, suffix: str) -> str:
    return f"{CDN_URL}/{media.id}_n.{suffix}?_nc_ht=scontent&oe=sandbox"


def read_caption_text(
    state: InstagramState, caller: GraphCaller, media: SandboxMedia
) -> str | None:
    """Return the caption without `@`; people who manage the Page may read it with the sign."""
    account = state.accounts[media.account_id]
    page = state.pages.get(account.page_id or "")
    has_task = (
        page is not None
        and caller.person is not None
        and "MANAGE" in page.tasks.get(caller.person.id, ())
    )
    keeps_mentions = state.settings.captions_keep_mentions and has_task
    return (media.caption if keeps_mentions else media.caption.replace("@", "")) or None


def select_owner(state: InstagramState, media: SandboxMedia, spec: FieldSpec) -> dict[str, Any]:
    owner = {"id": media.account_id, "username": state.accounts[media.account_id].username}
    return select_fields(owner, spec.children or (), frozenset(owner), node_type="IGUser")


def select_children_of(
    state: InstagramState, caller: GraphCaller, media: SandboxMedia, spec: FieldSpec
) -> dict[str, Any] | None:
    """Return the items of an album; None for other media, which omit the field."""
    if not media.children:
        return None
    specs = list(spec.children or ())
    for item in specs:
        if item.name not in CHILD_FIELDS:
            raise invalid_parameter(f"Tried accessing nonexisting field ({item.name})")
    children = [state.media[child_id] for child_id in media.children]
    return {"data": [select_media(caller, child, specs) for child in children]}
