"""Charts as SVG in per cent of their size, drawn by `_charts.html`: bars of days, lines of days.

A day without a value is a gap, never a zero. Text keeps its size, because nothing is scaled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import zip_longest
from math import ceil, log10
from typing import NamedTuple

from babel.dates import format_date

from app.http.i18n import current_locale, translate_text
from app.pages.formatting import (
    format_compact_number,
    format_short_day,
    format_whole_number,
)

LEFT, RIGHT, TOP, BOTTOM = 7.0, 100.0, 6.0, 88.0
"""Edges of the drawing in per cent of the chart; beside them are the labels."""

GRID_LINES = 3
BAR_SHARE = 0.68
TICKS = 4
LINE_UNITS = 100.0  # width and height of the lines' own drawing


class GridLine(NamedTuple):
    y: float
    label: str


class Tick(NamedTuple):
    x: float
    anchor: str
    label: str


class ChartBar(NamedTuple):
    css_class: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """`lines` and `before`: one list of points for each stretch without a gap."""

    grid: Sequence[GridLine]
    ticks: Sequence[Tick]
    bars: Sequence[ChartBar] = ()
    lines: Sequence[str] = ()
    areas: Sequence[str] = ()
    before: Sequence[str] = ()
    dots: Sequence[tuple[float, float]] = field(default=())
    readings: Sequence[str] = ()  # the value of each day in words


def build_bar_chart(days: Sequence[date], stacks: Sequence[tuple[str, Sequence[int]]]) -> Chart:
    """Build stacked bars. `stacks`: class and values of each layer, from the bottom."""
    largest = max(sum(values) for values in zip(*(layer for _, layer in stacks), strict=True))
    top = find_top(largest)
    slot = (RIGHT - LEFT) / len(days)
    bars = []
    for index in range(len(days)):
        floor = BOTTOM
        for css_class, values in stacks:
            if values[index]:
                height = (BOTTOM - TOP) * values[index] / top
                floor -= height
                x = LEFT + slot * (index + (1 - BAR_SHARE) / 2)
                bars.append(ChartBar(css_class, round(x, 2), floor, slot * BAR_SHARE, height))
    return Chart(build_grid(top), build_ticks(days, slot), bars=bars)


def build_line_chart(
    days: Sequence[date], values: Sequence[int | None], before: Sequence[int | None] = ()
) -> Chart:
    """Build a line of the values and a dashed one of those before, both with gaps."""
    top = find_top(max((value for value in (*values, *before) if value is not None), default=0))
    stretches = split_stretches(values, top)
    return Chart(
        build_grid(top),
        build_ticks(days, (RIGHT - LEFT) / max(1, len(days))),
        lines=[join_points(points) for points in stretches if len(points) > 1],
        areas=[
            f"{points[0][0]},{LINE_UNITS} {join_points(points)} {points[-1][0]},{LINE_UNITS}"
            for points in stretches
            if len(points) > 1
        ],
        before=[join_points(points) for points in split_stretches(before, top) if len(points) > 1],
        dots=[
            (
                LEFT + (RIGHT - LEFT) * points[0][0] / LINE_UNITS,
                TOP + (BOTTOM - TOP) * points[0][1] / LINE_UNITS,
            )
            for points in stretches
            if len(points) == 1
        ],
        readings=[
            describe_reading(day, value, earlier)
            for day, value, earlier in zip_longest(days, values, before)
        ],
    )


def describe_reading(day: date, value: int | None, earlier: int | None) -> str:
    """Say the value of a day, and that of the day that it is compared with."""
    locale = current_locale()
    text = f"{format_short_day(day, locale)}: {format_reading(value, locale)}"
    if earlier is None:
        return text
    return translate_text(
        "%(reading)s, before: %(earlier)s", reading=text, earlier=format_reading(earlier, locale)
    )


def format_reading(value: int | None, locale: str) -> str:
    return "\N{EN DASH}" if value is None else format_whole_number(value, locale)


def split_stretches(values: Sequence[int | None], top: int) -> list[list[tuple[float, float]]]:
    """Return the points between gaps, in units of the lines' own drawing."""
    stretches: list[list[tuple[float, float]]] = [[]]
    step = LINE_UNITS / max(1, len(values) - 1)
    for index, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            point = (round(step * index, 1), round(LINE_UNITS * (1 - value / top), 1))
            stretches[-1].append(point)
    return [points for points in stretches if points]


def join_points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def find_top(largest: int) -> int:
    """Return a round number at or above the largest value that the grid divides evenly."""
    if largest <= GRID_LINES:
        return GRID_LINES
    step = largest / GRID_LINES
    unit = 10 ** int(log10(step))
    factor = next(each for each in (1, 2, 5, 10) if step <= each * unit)
    return int(GRID_LINES * factor * unit)


def build_grid(top: int) -> list[GridLine]:
    locale = current_locale()
    return [
        GridLine(
            round(BOTTOM - (BOTTOM - TOP) * index / GRID_LINES, 2),
            format_compact_number(ceil(top * index / GRID_LINES), locale),
        )
        for index in range(GRID_LINES + 1)
    ]


def build_ticks(days: Sequence[date], slot: float) -> list[Tick]:
    """Label some of the days, the last one among them."""
    if not days:
        return []
    last = len(days) - 1
    indexes = sorted({round(last * index / (TICKS - 1)) for index in range(TICKS)})
    anchors = {0: "start", last: "end"}
    return [
        Tick(
            round(LEFT + slot * (index + {0: 0.0, last: 1.0}.get(index, 0.5)), 2),
            anchors.get(index, "middle"),
            format_date(days[index], "d MMM", locale=current_locale()),
        )
        for index in indexes
    ]
