"""What would not pass TikTok's audit, though the API takes it. Warns, never refuses.

Source: TikTok, content-sharing-guidelines, read 2026-09-11.
"""

from collections.abc import Mapping
from typing import Any

from platforms.sandbox.tiktok.creators import ONLY_ME, Creator
from platforms.sandbox.tiktok.films import Film
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
    for text in (text for text, is_so in found.items() if is_so):
        warn(tiktok, creator, text)


def watch(tiktok: TikTok, creator: Creator, film: Film | None) -> None:
    if film and (film.seconds or 0.0) > creator.max_video_post_duration_sec:
        warn(tiktok, creator, "the film is longer than the creator may post")


def warn(tiktok: TikTok, creator: Creator, text: str) -> None:
    tiktok.warnings.append({"open_id": creator.open_id, "warning": text})
