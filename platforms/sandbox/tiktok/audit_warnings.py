"""Warnings about requests that the API accepts, but that TikTok's audit would object to.

Source: TikTok, content-sharing-guidelines, read 2026-09-11.
"""

from collections.abc import Mapping
from typing import Any

from platforms.sandbox.tiktok.creators import ONLY_ME, SandboxCreator
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.video_inspector import ProbedVideo

CREATOR_INFO_MAX_AGE = 600.0  # seconds; creator_info has to be fetched for each form


def audit_post_info(tiktok: TikTokState, creator: SandboxCreator, info: Mapping[str, Any]) -> None:
    fetched_at = tiktok.creator_info_at.get(creator.open_id, 0.0)
    if tiktok.time - fetched_at > CREATOR_INFO_MAX_AGE:
        add_warning(tiktok, creator, "creator_info was not fetched shortly before the post")
    if info.get("brand_content_toggle") and info.get("privacy_level") == ONLY_ME:
        add_warning(tiktok, creator, "branded content may not be private")
    if creator.comment_disabled and not info.get("disable_comment", False):
        add_warning(tiktok, creator, "comments were allowed though the creator disabled them")


def audit_duration(tiktok: TikTokState, creator: SandboxCreator, video: ProbedVideo | None) -> None:
    if video and (video.seconds or 0.0) > creator.max_video_post_duration_sec:
        add_warning(tiktok, creator, "the video is longer than the creator may post")


def add_warning(tiktok: TikTokState, creator: SandboxCreator, text: str) -> None:
    tiktok.warnings.append({"open_id": creator.open_id, "warning": text})
