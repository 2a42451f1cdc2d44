"""What would not pass TikTok's audit, though the API takes it. Warns, never refuses.

Source: TikTok, content-sharing-guidelines, read 2026-09-11.
"""

from collections.abc import Mapping
from typing import Any

from platforms.sandbox.tiktok.creators import ONLY_ME, SandboxCreator
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.video_rules import ProbedVideo

CREATOR_INFO_MAX_AGE = 600.0  # seconds; creator_info is to be asked for each form


def audit_post_info(tiktok: TikTokState, creator: SandboxCreator, info: Mapping[str, Any]) -> None:
    asked_at = tiktok.creator_info_at.get(creator.open_id, 0.0)
    checks = {
        "creator_info was not asked for shortly before": tiktok.time - asked_at
        > CREATOR_INFO_MAX_AGE,
        "branded content may not be private": (
            bool(info.get("brand_content_toggle")) and info.get("privacy_level") == ONLY_ME
        ),
        "comments were allowed though the creator disabled them": (
            creator.comment_disabled and not info.get("disable_comment", False)
        ),
    }
    for text in (text for text, applies in checks.items() if applies):
        add_warning(tiktok, creator, text)


def audit_duration(tiktok: TikTokState, creator: SandboxCreator, video: ProbedVideo | None) -> None:
    if video and (video.seconds or 0.0) > creator.max_video_post_duration_sec:
        add_warning(tiktok, creator, "the film is longer than the creator may post")


def add_warning(tiktok: TikTokState, creator: SandboxCreator, text: str) -> None:
    tiktok.warnings.append({"open_id": creator.open_id, "warning": text})
