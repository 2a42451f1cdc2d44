"""Answers kept for a moment, for all processes. Never the truth: losing it loses nothing."""

import json
from datetime import timedelta
from typing import Any

from core.resilience.shared import Shared, SharedAway

PROFILE = timedelta(minutes=5)
QUOTA = timedelta(seconds=60)


class Cache:
    """JSON values under keys. While Redis is away it is empty and takes nothing."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def get(self, key: str) -> Any | None:
        try:
            found = self._shared.get(f"cache:{key}")
        except SharedAway:
            return None
        return None if found is None else json.loads(found)

    def put(self, key: str, value: Any, lifetime: timedelta) -> None:
        """`value` must hold no secret. A value that cannot be kept is asked for again."""
        text = json.dumps(value)
        try:
            self._shared.put(f"cache:{key}", text, lifetime)
        except SharedAway:
            return

    def drop(self, key: str) -> None:
        """What it was about has changed; without Redis it ends with its lifetime."""
        try:
            self._shared.drop(f"cache:{key}")
        except SharedAway:
            return
