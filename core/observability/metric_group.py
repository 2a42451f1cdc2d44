"""Counts and durations of several requests, written to the metrics together.

Each value of a metric lies in a file that processes share: writing it takes a lock and a system
call, and a delivery changes six of them.
"""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable

from prometheus_client import Counter, Histogram

from core.observability import metrics

Labels = tuple[str, ...]


class MetricGroup:
    """Collects what one thread counts. `schedule` gets `write`, once for each group."""

    def __init__(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._schedule = schedule
        self._is_scheduled = False
        self._counted: list[tuple[Counter, Labels]] = []
        self._durations: defaultdict[tuple[Histogram, Labels], list[float]] = defaultdict(list)

    def count(self, counter: Counter, *labels: str) -> None:
        self._counted.append((counter, labels))
        self._schedule_once()

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        self._durations[histogram, labels].append(seconds)
        self._schedule_once()

    def write(self) -> None:
        """Write what has been collected, and begin anew."""
        counts, durations = Tally(self._counted), dict(self._durations)
        self._counted.clear()
        self._durations.clear()
        self._is_scheduled = False
        for (counter, labels), number in counts.items():
            metrics.with_labels(counter, *labels).inc(number)
        for (histogram, labels), seconds in durations.items():
            metrics.observe_many(metrics.with_labels(histogram, *labels), seconds)

    def _schedule_once(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._schedule(self.write)


def write_at_once(write: Callable[[], None]) -> None:
    """A `schedule` of a `MetricGroup` that collects nothing."""
    write()
