"""Arithmetic of delays. Pure; knows seconds and gives milliseconds."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

MEDIAN, LATE = 0.5, 0.99


@dataclass(frozen=True)
class Delays:
    """In milliseconds."""

    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Delays | None":
        """None if there are none."""
        ordered = sorted(one * 1000 for one in seconds)
        if not ordered:
            return None
        return cls(*(round(rank(ordered, share), 3) for share in (MEDIAN, LATE, 1.0)))


def rank(ordered: list[float], share: float) -> float:
    """Nearest rank: a value that was measured, never one in between."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """None where one of them has no such figure."""
    return round(ours / theirs, 2) if ours and theirs else None
