"""What is measured of a condition, and what there is to probe besides rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.bootstrap import Services
from db.ops.alert_queries import CountedShare


@dataclass(frozen=True)
class Measurement:
    """A value in the unit of its condition, and what it consists of.

    Shapes: `details` may hold `codes` (error code to number), `total`, `sharePercent`, `names`.
    """

    value: float
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Probes:
    """What probes may call. `ping_broker` returns within a bounded time; None: do not ask."""

    services: Services
    ping_broker: Callable[[], bool] | None = None


def share_measurement(counted: CountedShare, *, above_percent: float) -> Measurement:
    """The number of those affected, or 0 if they are not more than this share of all.

    So a number means the same at ten accounts and at ten thousand.
    """
    percent = 100 * counted.affected / counted.total if counted.total else 0.0
    details: dict[str, Any] = {
        "total": counted.total,
        "sharePercent": round(percent, 1),
        "shareLimit": above_percent,
    }
    if counted.codes:
        details["codes"] = counted.codes
    return Measurement(float(counted.affected) if percent > above_percent else 0.0, details)
