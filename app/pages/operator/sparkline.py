"""The line of a small chart: points in a square of 100 units, so that an attribute places it."""

from collections.abc import Sequence

TOP, BOTTOM = 5, 95  # units from above; the line keeps clear of the edges


def draw_points(counts: Sequence[int]) -> str:
    """Return the `points` of an SVG polyline; the largest count is at the top."""
    highest = max(counts, default=0) or 1
    step = 100 / max(len(counts) - 1, 1)
    return " ".join(
        f"{number * step:.1f},{BOTTOM - count / highest * (BOTTOM - TOP):.0f}"
        for number, count in enumerate(counts)
    )
