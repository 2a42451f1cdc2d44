"""What the responses of a platform say about its call limits, collected around some calls.

An adapter reports what it reads; whoever made the calls decides what follows. Each thread has its
own collection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta


@dataclass
class UsageReport:
    """The highest share of a limit that was reported, and the longest wait. 100 per cent is all."""

    percent: int = 0
    regain: timedelta | None = None

    def add(self, percent: int, regain: timedelta | None) -> None:
        self.percent = max(self.percent, percent)
        if regain is not None:
            self.regain = max(regain, self.regain or regain)


_report: ContextVar[UsageReport | None] = ContextVar("usage_report", default=None)


@contextmanager
def collect_usage() -> Iterator[UsageReport]:
    """Collect what the calls inside report. A collection inside another takes its place."""
    report = UsageReport()
    token = _report.set(report)
    try:
        yield report
    finally:
        _report.reset(token)


def report_usage(percent: int, regain: timedelta | None = None) -> None:
    """Add a share to the collection of this thread; without one, do nothing."""
    report = _report.get()
    if report is not None:
        report.add(percent, regain)
