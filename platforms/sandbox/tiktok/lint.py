"""What would not pass TikTok's audit, though the API takes it. Warns, never refuses.

Source: TikTok, content-sharing-guidelines, read 2026-09-11.
"""

from collections.abc import Mapping
from typing import Any

from platforms.sandbox.tiktok.creators import ONLY_ME, Creator
from platforms.sandbox.tiktok.state import TikTok

FRESH = 600.0  # seconds; creator_info is to be asked for each form


def look(tiktok: TikTok, creator: Creator, info: Mapping[str, Any]) -> None:
    asked_at = tiktok.asked_at.get(creator.open_id, 0.0)
    found = {
        "creator_info was not asked for shortly before": tiktok.time - asked_at > FRESH,
        "branded content may not be private": (
            bool(info.get("brand_content_toggle")) and info.get("privacy_level") == ONLY_ME
        ),
        "comments were allowed though the creator disabled them": (
            creator.comment_disabled and not info.get("disable_comment", False)
        ),
    }
    tiktok.warnings += [
        {"open_id": creator.open_id, "warning": text} for text, is_so in found.items() if is_so
    ]
