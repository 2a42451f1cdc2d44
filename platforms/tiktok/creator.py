"""What a creator allows right now, for the publishing form and `/api/tiktok/creator-info`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platforms.errors import UnreadableResponse

PRIVATE_LEVEL, PUBLIC_LEVEL = "SELF_ONLY", "PUBLIC_TO_EVERYONE"


@dataclass(frozen=True)
class CreatorInfo:
    """What a creator allows right now. Fetched before every direct post and never stored."""

    nickname: str | None
    username: str | None
    avatar_url: str | None
    privacy_levels: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    max_video_seconds: float | None
    is_private: bool  # the account; a public one allows posts for everyone
    is_app_audited: bool  # this application, by TikTok


def build_creator_info(options: Mapping[str, Any], settings: Any) -> CreatorInfo:
    """Build it from the options that the adapter returns, in which any field may be missing.

    Keeps only the privacy levels that this application may use. Errors: UnreadableResponse if the
    answer does not say who may see the posts, which the form has to ask.
    """
    levels = tuple(options.get("privacy_level_options") or ())
    if not levels:
        raise UnreadableResponse("the answer has no `privacy_level_options`")
    return CreatorInfo(
        nickname=options.get("creator_nickname"),
        username=options.get("creator_username"),
        avatar_url=options.get("creator_avatar_url"),
        privacy_levels=allowed_privacy_levels(settings, levels),
        comment_disabled=bool(options.get("comment_disabled")),
        duet_disabled=bool(options.get("duet_disabled")),
        stitch_disabled=bool(options.get("stitch_disabled")),
        max_video_seconds=options.get("max_video_post_duration_sec"),
        is_private=PUBLIC_LEVEL not in levels,
        is_app_audited=settings.app_audited,
    )


def allowed_privacy_levels(settings: Any, levels: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the creator's privacy levels that this application may use."""
    if settings.app_audited:
        return levels
    return tuple(level for level in levels if level == PRIVATE_LEVEL)
