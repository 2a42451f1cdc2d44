"""Starting video posts: direct or to the inbox, by file or by URL.

Source: TikTok, content-posting-api-reference-direct-post and -upload-video, read 2026-09-11.
"""

import secrets
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, request

from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.tiktok import audit_warnings, pull, quotas, video_inspection
from platforms.sandbox.tiktok.auth import Data, api_view, read_body, read_object
from platforms.sandbox.tiktok.creators import SandboxCreator
from platforms.sandbox.tiktok.posts import (
    DIRECT,
    FILE_SOURCE,
    INBOX,
    PUBLISH_ID_PREFIXES,
    SandboxPost,
    SandboxPostStatus,
    SandboxUpload,
    new_snowflake_id,
)
from platforms.sandbox.tiktok.request_validation import (
    check_post_info,
    check_source_info,
)
from platforms.sandbox.tiktok.responses import BAD_POST_MESSAGE, BAD_SOURCE_MESSAGE, ApiRefused
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.tokens import IssuedToken

routes = Blueprint("publish", __name__)


@routes.post("/v2/post/publish/creator_info/query/")
@api_view("creator_info", "video.publish", rate="creator_per_minute")
def show_creator_info(tiktok: TikTokState, grant: IssuedToken) -> Data:
    """Return what the creator may do; errors have status 200 here, which is documented."""
    creator = tiktok.creators[grant.open_id]
    tiktok.creator_info_at[grant.open_id] = tiktok.time
    quotas.check_creator(tiktok, creator, status=200)
    return creator.creator_info()


@routes.post("/v2/post/publish/video/init/")
@api_view("video_init", "video.publish", rate="init_per_minute")
def start_direct_video(tiktok: TikTokState, grant: IssuedToken) -> Data:
    payload, creator = read_body(), tiktok.creators[grant.open_id]
    info = read_object(payload, "post_info", BAD_POST_MESSAGE)
    source = read_object(payload, "source_info", BAD_SOURCE_MESSAGE)
    check_post_info(info)
    check_source_info(source, lenient=tiktok.settings.lenient_chunks)
    check_direct_post(tiktok, creator, info)
    pull.check_url_ownership(tiktok, source_urls(source))
    return start_post(tiktok, creator, DIRECT, source, info)


@routes.post("/v2/post/publish/inbox/video/init/")
@api_view("inbox_init", "video.upload", rate="init_per_minute")
def start_inbox_video(tiktok: TikTokState, grant: IssuedToken) -> Data:
    """Start a draft. `post_info` is accepted and ignored: the creator decides in the app."""
    creator = tiktok.creators[grant.open_id]
    source = read_object(read_body(), "source_info", BAD_SOURCE_MESSAGE)
    check_source_info(source, lenient=tiktok.settings.lenient_chunks)
    quotas.check_draft_limit(tiktok, creator)
    pull.check_url_ownership(tiktok, source_urls(source))
    return start_post(tiktok, creator, INBOX, source, {})


def check_direct_post(
    tiktok: TikTokState, creator: SandboxCreator, info: Mapping[str, Any]
) -> None:
    """Check whether the creator may post to this audience through this app. Errors: ApiRefused."""
    level = info.get("privacy_level", "")
    quotas.check_creator(tiktok, creator)
    if level:
        quotas.check_audit_limit(tiktok, creator, level)
    if level not in creator.privacy_level_options:
        raise ApiRefused("privacy_level_option_mismatch")
    audit_warnings.audit_post_info(tiktok, creator, info)


def start_post(
    tiktok: TikTokState,
    creator: SandboxCreator,
    kind: str,
    source: Mapping[str, Any],
    info: Mapping[str, Any],
) -> Data:
    """Create the post; from here on it exists, even if the answer does not arrive."""
    post = tiktok.posts.add(new_post(tiktok, creator, kind, source, info))
    request.environ[ENTRY_KEY].update(publish_id=post.publish_id)
    if post.upload is None:
        pull.start_download(tiktok, post)
        return {"publish_id": post.publish_id}
    seconds = tiktok.settings.upload_seconds
    drop_unfinished = partial(video_inspection.drop_unfinished_buffer, post)
    tiktok.sandbox.scheduler.call_later(seconds, lambda: run_in_background(drop_unfinished))
    query = f"upload_id={post.upload.id}&upload_token={post.upload.token}"
    return {"publish_id": post.publish_id, "upload_url": f"{request.host_url}upload?{query}"}


def new_post(
    tiktok: TikTokState,
    creator: SandboxCreator,
    kind: str,
    source: Mapping[str, Any],
    info: Mapping[str, Any],
) -> SandboxPost:
    source_kind = source["source"]
    post = SandboxPost(
        publish_id=PUBLISH_ID_PREFIXES[kind, source_kind] + str(new_snowflake_id(tiktok.time)),
        kind=kind,
        source=source_kind,
        open_id=creator.open_id,
        created_at=tiktok.time,
        info=dict(info),
        status=SandboxPostStatus.DOWNLOADING,
        urls=source_urls(source),
    )
    if source_kind == FILE_SOURCE:
        post.status = SandboxPostStatus.UPLOADING
        post.upload = new_upload(tiktok, source)
        post.buffer = video_inspection.new_buffer(tiktok, source["video_size"])
    return post


def source_urls(source: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs to fetch files from; none if the file is uploaded."""
    if source["source"] == FILE_SOURCE:
        return ()
    return tuple(source.get("photo_images") or [source["video_url"]])


def new_upload(tiktok: TikTokState, source: Mapping[str, Any]) -> SandboxUpload:
    return SandboxUpload(
        id=str(new_snowflake_id(tiktok.time)),
        token=f"{uuid.UUID(bytes=secrets.token_bytes(16))}",
        expires_at=tiktok.time + tiktok.settings.upload_seconds,
        size=source["video_size"],
        chunk_size=source["chunk_size"],
        chunk_count=source["total_chunk_count"],
    )
