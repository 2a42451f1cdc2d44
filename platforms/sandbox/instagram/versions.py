"""Graph versions: which ones answer, and what none of them answers any more.

Source: Meta, Graph API changelog, updated 2026-10-29, and the blog posts of 2026-07-29 (v26.0) and
2026-11-04 (v27.0), read 2026-11-22. The names of the five behaviours that v26.0 removed are known
from other projects.
"""

import re
from collections.abc import Iterable

from platforms.sandbox.instagram.graph_errors import GraphError, invalid_parameter, unknown_path

NO_END = float("inf")
VERSION_ENDS = {
    "v21.0": 1_800_489_600.0,  # 2027-01-21
    "v22.0": 1_810_771_200.0,  # 2027-05-20
    "v23.0": 1_822_953_600.0,  # 2027-10-08
    "v24.0": 1_834_444_800.0,  # 2028-02-18
    "v25.0": 1_848_441_600.0,  # 2028-07-29
    "v26.0": NO_END,
    "v27.0": NO_END,
}
"""Version → its end in seconds since 1970; older ones have ended."""

REMOVED_PARAMS = frozenset({"ids", "date_format", "method", "callback", "pretty", "debug"})
ALIAS = re.compile(r"\.as\s*\(")


def check_version(version: str, *, now: float, is_instagram: bool) -> None:
    """Errors: GraphError 2500 for an unknown version or one that has ended."""
    if VERSION_ENDS.get(version, 0.0) <= now:
        raise unknown_path(f"/{version}", is_instagram=is_instagram)


def check_removed_features(names: Iterable[str], fields: str, etag: str | None) -> None:
    """Errors: GraphError 100 for what new apps may not use on any version."""
    used = sorted(REMOVED_PARAMS.intersection(names))
    if used:
        raise invalid_parameter(f"The parameter {used[0]} is no longer supported")
    if ALIAS.search(fields):
        raise invalid_parameter("Field aliases are no longer supported")
    if etag is not None:
        raise removed_etag()


def removed_etag() -> GraphError:
    return invalid_parameter("Conditional requests with If-None-Match are no longer supported")
