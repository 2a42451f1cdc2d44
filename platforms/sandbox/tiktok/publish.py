"""Starting posts: direct and to the inbox, by file or by URL.

Source: TikTok, content-posting-api-reference-direct-post and -upload-video, read 2026-09-11.
"""

import secrets
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, request

from platforms.sandbox.agenda import in_background
from platforms.sandbox.log import ENTRY
from platforms.sandbox.tiktok import lint, pull, quotas, screening
from platforms.sandbox.tiktok.answers import BAD_POST, BAD_SOURCE, Refused
from platforms.sandbox.tiktok.creators import Creator
from platforms.sandbox.tiktok.gate import Data, body, call, part
from platforms.sandbox.tiktok.orders import PLAN, check_info, check_source
from platforms.sandbox.tiktok.posts import DIRECT, FILE, INBOX, PREFIXES, Post, Status, Upload
from platforms.sandbox.tiktok.posts import snowflake as an_id
from platforms.sandbox.tiktok.state import TikTok
from platforms.sandbox.tiktok.tokens import Grant

routes = Blueprint("publish", __name__)


@routes.post("/v2/post/publish/creator_info/query/")
@call("creator_info", "video.publish", rate="creator_per_minute")
def creator_info(tiktok: TikTok, grant: Grant) -> Data:
    """Refusals come as HTTP 200 here, which is documented as intended."""
    creator = tiktok.creators[grant.open_id]
    tiktok.asked_at[grant.open_id] = tiktok.time
    quotas.check_creator(tiktok, creator, status=200)
    return creator.info()


@routes.post("/v2/post/publish/video/init/")
@call("video_init", "video.publish", rate="init_per_minute")
def direct(tiktok: TikTok, grant: Grant) -> Data:
    given, creator = body(), tiktok.creators[grant.open_id]
    info = part(given, "post_info", BAD_POST)
    source = part(given, "source_info", BAD_SOURCE)
    check_info(info)
    check_source(source, lenient=tiktok.settings.lenient_chunks)
    check_direct(tiktok, creator, info)
    pull.check_owned(tiktok, urls(source))
    return start(tiktok, creator, DIRECT, source, info)


@routes.post("/v2/post/publish/inbox/video/init/")
@call("inbox_init", "video.upload", rate="init_per_minute")
def inbox(tiktok: TikTok, grant: Grant) -> Data:
    """`post_info` is tolerated and means nothing: the creator decides in the app."""
    creator = tiktok.creators[grant.open_id]
    source = part(body(), "source_info", BAD_SOURCE)
    check_source(source, lenient=tiktok.settings.lenient_chunks)
    quotas.check_drafts(tiktok, creator)
    pull.check_owned(tiktok, urls(source))
    return start(tiktok, creator, INBOX, source, {})


def check_direct(tiktok: TikTok, creator: Creator, info: Mapping[str, Any]) -> None:
    """What this creator, through this app, may post to whom. Errors: Refused."""
    level = info.get("privacy_level", "")
    quotas.check_creator(tiktok, creator)
    if level:
        quotas.check_audit(tiktok, creator, level)
    if level not in creator.options:
        raise Refused("privacy_level_option_mismatch")
    lint.look(tiktok, creator, info)


def start(
    tiktok: TikTok, creator: Creator, kind: str, source: Mapping[str, Any], info: Mapping[str, Any]
) -> Data:
    """From here on the post exists, whether its answer arrives or not."""
    post = tiktok.posts.add(a_post(tiktok, creator, kind, source, info))
    request.environ[ENTRY].note(publish_id=post.publish_id)
    if post.upload is None:
        pull.begin(tiktok, post)
        return {"publish_id": post.publish_id}
    seconds = tiktok.settings.upload_seconds
    drop = partial(screening.drop_unfinished, post)
    tiktok.house.agenda.after(seconds, lambda: in_background(drop))
    query = f"upload_id={post.upload.id}&upload_token={post.upload.token}"
    return {"publish_id": post.publish_id, "upload_url": f"{request.host_url}upload?{query}"}


def a_post(
    tiktok: TikTok, creator: Creator, kind: str, source: Mapping[str, Any], info: Mapping[str, Any]
) -> Post:
    way = source["source"]
    return Post(
        publish_id=PREFIXES[kind, way] + str(an_id(tiktok.time)),
        kind=kind,
        source=way,
        open_id=creator.open_id,
        created_at=tiktok.time,
        info=dict(info),
        status=Status.UPLOADING if way == FILE else Status.DOWNLOADING,
        urls=urls(source),
        upload=an_upload(tiktok, source) if way == FILE else None,
        reel=screening.a_reel(tiktok, source["video_size"]) if way == FILE else None,
    )


def urls(source: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the files are to be fetched; none if they are uploaded."""
    if source["source"] == FILE:
        return ()
    return tuple(source.get("photo_images") or [source["video_url"]])


def an_upload(tiktok: TikTok, source: Mapping[str, Any]) -> Upload:
    size, chunk_size, count = (source[key] for key in PLAN)
    return Upload(
        id=str(an_id(tiktok.time)),
        token=f"{uuid.UUID(bytes=secrets.token_bytes(16))}",
        until=tiktok.time + tiktok.settings.upload_seconds,
        size=size,
        chunk_size=chunk_size,
        count=count,
    )
