"""Adapters as the rest of the house gets them: their calls pass through circuits.

Must not change what a call means; hearing webhooks is never behind a circuit.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from core.resilience.circuits import Circuits
from platforms.base import OAuth, Platform, Publisher
from platforms.numbers import Insights

CLASS_OF = {
    "exchange": "oauth",
    "refresh": "oauth",
    "revoke": "oauth",
    "send": "upload",
    "start": "publish",
    "cancel": "publish",
    "check": "read",
    "creator": "read",
    "profile": "read",
    "totals": "read",
    "listing": "read",
    "counted": "read",
}
"""Method of an adapter to class of call. What is not listed here calls nobody."""


class Guarded:
    """An adapter whose calls pass through its platform's circuits."""

    def __init__(self, inner: Any, platform: str, circuits: Circuits) -> None:
        self._inner, self._platform, self._circuits = inner, platform, circuits

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in CLASS_OF:
            return method
        return lambda *args, **options: self._circuits.call(
            self._platform, CLASS_OF[name], partial(method, *args, **options)
        )


def guarded(platforms: Mapping[str, Platform], circuits: Circuits) -> dict[str, Platform]:
    """The same platforms, behind these circuits."""
    return {
        name: replace(
            platform,
            oauth=cast("OAuth", Guarded(platform.oauth, name, circuits)),
            publisher=cast("Publisher", Guarded(platform.publisher, name, circuits)),
            insights=platform.insights
            and cast("Insights", Guarded(platform.insights, name, circuits)),
        )
        for name, platform in platforms.items()
    }
