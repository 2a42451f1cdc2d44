"""One line at the end of a run about the tests that were skipped because a package is missing."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

REASON_MARK = "is not installed"
"""What the reason of such a skip says, as in "Redis is not installed (apt-get install …)"."""


def describe_missing_packages(reports: Iterable[Any]) -> str | None:
    """The line; None if nothing was skipped for this reason.

    Shapes: reports of skipped tests, whose `longrepr` is file, line and reason.
    """
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in reports
        if isinstance(report.longrepr, tuple) and REASON_MARK in report.longrepr[2]
    )
    if not reasons:
        return None
    parts = (f"{reason}: {count}" for reason, count in sorted(reasons.items()))
    return f"skipped because a package is missing: {'; '.join(parts)}"
