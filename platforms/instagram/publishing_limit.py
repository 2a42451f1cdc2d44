"""The number of posts that Instagram lets an account publish through apps in a day.

Source: Meta, ig-user/content_publishing_limit, read 2026-09-11. Its pages give 100 and 50, and 25
in old texts, so the number is read; `quota_usage` lags behind by minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from platforms.vendor_values import read_count, read_duration, read_limit, read_list, read_object

LIMIT_FIELDS = "config,quota_usage"
DEFAULT_WINDOW = timedelta(days=1)
LONGEST_WINDOW = timedelta(days=30)  # a longer one is reduced to it


@dataclass(frozen=True)
class PublishingLimit:
    """How many posts are allowed in the window, and how many were made. None: not said."""

    total: int | None = None
    used: int | None = None
    window: timedelta = DEFAULT_WINDOW

    @property
    def is_reached(self) -> bool:
        return self.total is not None and self.used is not None and self.used >= self.total


def parse_publishing_limit(payload: Mapping[str, Any]) -> PublishingLimit:
    items = map(read_object, read_list(payload.get("data")))
    item = next((item for item in items if item is not None), {})
    config = read_object(item.get("config")) or {}
    total = read_limit(config.get("quota_total"))
    window = read_duration(config.get("quota_duration"), longest=LONGEST_WINDOW)
    return PublishingLimit(
        total=total if isinstance(total, int) else None,
        used=read_count(item.get("quota_usage")),
        window=window or DEFAULT_WINDOW,
    )
