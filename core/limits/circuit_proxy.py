"""Adapters as the rest of the house gets them: their calls pass through circuits.

Must not change what a call means; hearing webhooks is never behind a circuit.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from core.limits.circuits import Circuits
from platforms.base import OAuth, Platform, Publisher
from platforms.insights_base import Insights

CALL_CLASS_BY_METHOD = {
    "exchange_code": "oauth",
    "refresh": "oauth",
    "revoke": "oauth",
    "send_chunk": "upload",
    "start": "publish",
    "cancel": "publish",
    "fetch_status": "read",
    "fetch_creator_info": "read",
    "fetch_profile": "read",
    "fetch_account_totals": "read",
    "fetch_video_page": "read",
    "fetch_videos": "read",
}
"""Method of an adapter to class of call. What is not listed here calls nobody."""


class CircuitProxy:
    """An adapter whose calls pass through its platform's circuits."""

    def __init__(self, adapter: Any, platform: str, circuits: Circuits) -> None:
        self._adapter, self._platform, self._circuits = adapter, platform, circuits

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._adapter, name)
        if name not in CALL_CLASS_BY_METHOD:
            return method
        return lambda *args, **options: self._circuits.call(
            self._platform, CALL_CLASS_BY_METHOD[name], partial(method, *args, **options)
        )


def wrap_platforms(platforms: Mapping[str, Platform], circuits: Circuits) -> dict[str, Platform]:
    """The same platforms, behind these circuits."""
    return {
        name: replace(
            platform,
            oauth=cast("OAuth", CircuitProxy(platform.oauth, name, circuits)),
            publisher=cast("Publisher", CircuitProxy(platform.publisher, name, circuits)),
            insights=platform.insights
            and cast("Insights", CircuitProxy(platform.insights, name, circuits)),
        )
        for name, platform in platforms.items()
    }
