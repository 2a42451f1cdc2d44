"""`/api/tiktok/…`: the routes from before `POST /api/posts`, as translations to it and back."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from platforms.post_requests import SeedRoute, SeedUse
from platforms.tiktok.seed_answers import (
    CreatorInfoAnswer,
    PublishListAnswer,
    PublishQuotaAnswer,
    PublishStatusAnswer,
    UploadAnswer,
    UploadProgressAnswer,
)
from platforms.tiktok.upload_request import UploadRequest, find_body_problems

QUOTA_BY_MODE = {"INBOX": "drafts", "DIRECT": "direct"}
DRAFT_MODE = "INBOX"
STAT_NAMES = {"drafts": "inbox"}
DRAFT_FIELDS_BY_KIND = {"INBOX_PHOTO": frozenset({"title", "description"})}
"""Fields that have an effect on a draft; its creator chooses the others in the app."""


def mode_of_kind(kind: str) -> str:
    """Return INBOX or DIRECT, the first part of a kind."""
    return kind.partition("_")[0]


def write_upload(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The post for its requester; if the client uploads itself, with the upload URL and chunks."""
    mode = mode_of_kind(answer["kind"])
    fields = {
        **{name: answer[name] for name in ("id", "publish_id", "status", "state", "source")},
        "mode": mode,
        "warnings": list_ignored_fields(answer),
    }
    upload = answer.get("upload")
    if upload is not None:
        fields |= {
            "upload_url": upload["url"],
            "chunk_size": upload["chunk_size"],
            "total_chunk_count": upload["chunk_count"],
            "upload_url_expires_at": upload["expires_at"],
        }
    elif answer["publish_id"] is None:
        fields |= {"due_at": answer["due_at"], "status_url": answer["url"]}
    return {"data": fields, "quota": answer["quota"][QUOTA_BY_MODE[mode]]}


def list_ignored_fields(answer: Mapping[str, Any]) -> list[str]:
    if mode_of_kind(answer["kind"]) != DRAFT_MODE:
        return []
    used_fields = DRAFT_FIELDS_BY_KIND.get(answer["kind"], frozenset())
    return [name for name in ("title", *answer["options"]) if name not in used_fields]


def write_status(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": post_fields(answer)}


def post_fields(answer: Mapping[str, Any]) -> dict[str, Any]:
    record = answer.get("record") or {}
    error_fields = {name: answer.get(name) for name in ("error_code", "error_message")}
    return {
        **{name: answer[name] for name in ("id", "publish_id", "status", "state", "source")},
        "mode": mode_of_kind(answer["kind"]),
        "title": answer["title"],
        **{name: value for name, value in error_fields.items() if value is not None},
        "metadata": record.get("details", {}),
        "account_id": answer["account_id"],
        "created_at": answer["created_at"],
        "updated_at": record.get("updated_at", answer["updated_at"]),
    }


def write_list(answer: Mapping[str, Any]) -> dict[str, Any]:
    posts = [
        {
            **post_fields(post),
            **({"statistics": post["statistics"]} if "statistics" in post else {}),
        }
        for post in answer["posts"]
    ]
    stats = {STAT_NAMES.get(name, name): number for name, number in answer["stats"].items()}
    return {"posts": posts, "stats": stats, "next_cursor": answer["next_cursor"]}


def write_quota(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of drafts and direct posts, and the starts per minute."""
    quotas = answer["quotas"]
    fields = {
        "quota": quotas["drafts"],
        "direct": quotas["direct"],
        "rate": write_rate(quotas["starts"], answer["now"]),
    }
    return {**fields, "users": quotas["users"]} if "users" in quotas else fields


def write_rate(quota: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    resets_at = quota["resets_at"]
    resets_in = resets_at and math.ceil((resets_at - now).total_seconds())
    return {"limit": quota["limit"], "remaining": quota["remaining"], "resets_in": resets_in or 0}


def write_choices(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What the creator allows right now."""
    fields = {
        "nickname": answer["nickname"],
        "username": answer["username"],
        "avatar": answer["avatar_url"],
        "privacy_level_options": list(answer["privacy_levels"]),
        "comment_disabled": answer["comment_disabled"],
        "duet_disabled": answer["duet_disabled"],
        "stitch_disabled": answer["stitch_disabled"],
        "max_video_post_duration_sec": answer["max_video_seconds"],
        "account_is_private": answer["is_private"],
        "account_must_be_private": not answer["is_app_audited"],
    }
    return {"data": fields}


def write_data(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": dict(answer)}


ROUTES = (
    SeedRoute(
        SeedUse.REQUEST,
        "request_upload",
        "/api/tiktok/upload",
        "Request a post to TikTok: from an uploaded file, a URL, or bytes that you send yourself.",
        write_upload,
        answer=UploadAnswer,
    ),
    SeedRoute(
        SeedUse.STATUS,
        "show_publish_status",
        "/api/tiktok/status/<publish_id>",
        "Show the status of a publication; queries TikTok unless it was updated a moment ago.",
        write_status,
        answer=PublishStatusAnswer,
    ),
    SeedRoute(
        SeedUse.LIST,
        "list_tiktok_posts",
        "/api/tiktok/posts",
        "List my TikTok posts, newest first, with the number of posts per status.",
        write_list,
        answer=PublishListAnswer,
    ),
    SeedRoute(
        SeedUse.QUOTA,
        "show_quota",
        "/api/tiktok/quota",
        "Show the remaining quota: drafts, direct posts and starts per minute.",
        write_quota,
        answer=PublishQuotaAnswer,
    ),
    SeedRoute(
        SeedUse.PROGRESS,
        "show_upload_progress",
        "/api/tiktok/upload/<int:post_id>/progress",
        "Show how many bytes of a post have been sent.",
        write_data,
        answer=UploadProgressAnswer,
    ),
    SeedRoute(
        SeedUse.CHOICES,
        "show_creator_info",
        "/api/tiktok/creator-info",
        "Show what the creator currently allows; query it for each form and do not store it.",
        write_choices,
        answer=CreatorInfoAnswer,
    ),
)


class TikTokSeedPaths:
    """Translates bodies and answers of these routes."""

    routes: Sequence[SeedRoute] = ROUTES
    body: type[BaseModel] = UploadRequest
    is_default_format = True

    def find_body_problems(self, body: BaseModel) -> Mapping[str, str]:
        return find_body_problems(require_upload(body))

    def to_post_request(self, body: BaseModel) -> dict[str, Any]:
        upload = require_upload(body)
        request = {
            "platform": "tiktok",
            "account_id": upload.account_id,
            "kind": upload.kind,
            "text": upload.title,
            "media": upload.list_media(),
            "publish_at": upload.publish_at,
            "options": upload.options,
        }
        return {name: value for name, value in request.items() if value is not None}

    def name_field(self, body: BaseModel, field: str) -> str:
        upload = require_upload(body)
        if field == "text":
            return "title"
        if field.startswith("media"):
            return name_media_field(upload, field)
        return field.removeprefix("options.")

    def is_complete(self, answer: Mapping[str, Any]) -> bool:
        """Whether TikTok has the post."""
        return answer["publish_id"] is not None


def require_upload(body: BaseModel) -> UploadRequest:
    if not isinstance(body, UploadRequest):
        raise TypeError("the body is of another route")
    return body


def name_media_field(body: UploadRequest, field: str) -> str:
    if body.is_photo:
        return field.replace("media", "photo_images", 1).removesuffix(".url")
    if body.is_pull:
        return "videoUrl"
    return "video_size" if body.media_id is None else "media_id"


SEED_PATHS = TikTokSeedPaths()
