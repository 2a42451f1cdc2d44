"""The tables of single platforms whose rows name the login that they belong to."""

from typing import Any

from db.records.tiktok_posts import TikTokPost
from db.records.tiktok_videos import TikTokVideo

PUBLICATION_TABLES: tuple[Any, ...] = (TikTokPost,)
"""What the platforms reported about posts."""

VIDEO_TABLES: tuple[Any, ...] = (TikTokVideo,)
"""The public videos of logins. Destinations keep theirs: `DestinationStore.erase`."""
