"""What a creator allows at the moment, compared with a direct post before its start.

Source: TikTok, content-posting-api-reference-query-creator-info and content-sharing-guidelines,
read 2026-11-22.
"""

from collections.abc import Mapping
from typing import Any

from platforms.errors import Rejected
from platforms.publishing import Publication
from platforms.tiktok.match import find_duration
from platforms.tiktok.post_rules import read_settings


def check_creator(publication: Publication, creator_info: Mapping[str, Any]) -> None:
    """Errors: Rejected with the code that TikTok would refuse the post with."""
    level = read_settings(publication).get("privacy_level")
    levels = creator_info.get("privacy_level_options") or ()
    # without levels the answer does not say which are allowed: the platform decides at the start
    if levels and level not in levels:
        raise Rejected(
            f"the creator does not allow the privacy level {level}",
            code="privacy_level_option_mismatch",
        )
    max_seconds = creator_info.get("max_video_post_duration_sec")
    duration = find_duration(publication)
    if duration is not None and max_seconds is not None and duration.total_seconds() > max_seconds:
        raise Rejected(f"the video is longer than {max_seconds} s", code="duration_check_failed")
