"""Lays the chips of the calendar out: the weeks of a month, the hours of a week, days of a list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import url_for

from app.pages.badges import Badge
from app.pages.calendar_chips import CalendarChip
from app.pages.calendar_days import DayRange, list_hours, split_weeks
from app.pages.calendar_request import CalendarRequest
from app.pages.calendar_times import format_day, format_month_name, format_short_day, format_weekday

CHIPS_PER_DAY = 3  # in the month; the others are behind a link
MINUTES_PER_QUARTER = 15


@dataclass(frozen=True)
class DayCell:
    """One day. `is_closed`: no post can be scheduled on it, it is past or too far ahead."""

    date: date
    label: str
    short_label: str
    weekday: str
    month: str
    url: str
    add_url: str
    chips: list[CalendarChip] = field(default_factory=list)
    is_today: bool = False
    is_past: bool = False
    is_outside: bool = False
    is_closed: bool = False
    is_too_far: bool = False
    is_chosen: bool = False

    @property
    def first_chips(self) -> list[CalendarChip]:
        return self.chips[:CHIPS_PER_DAY]

    @property
    def badges(self) -> list[Badge]:
        """The states of the day's posts, each once."""
        return list(dict.fromkeys(chip.badge for chip in self.chips))

    @property
    def more_count(self) -> int:
        return max(0, len(self.chips) - CHIPS_PER_DAY)


@dataclass(frozen=True)
class HourCell:
    """One hour of a day. `now_quarter`: the quarter of an hour in which now is, from 0."""

    day: DayCell
    hour: int
    chips: list[CalendarChip]
    now_quarter: int | None = None


def build_cells(
    wanted: CalendarRequest, days: DayRange, chips: Iterable[CalendarChip]
) -> dict[date, DayCell]:
    cells = {day: build_cell(wanted, day) for day in days.days}
    for chip in chips:
        if chip.at.date() in cells:
            cells[chip.at.date()].chips.append(chip)
    return cells


def build_cell(wanted: CalendarRequest, day: date) -> DayCell:
    is_too_far = day > wanted.last_day
    return DayCell(
        date=day,
        label=format_day(day),
        short_label=format_short_day(day),
        weekday=format_weekday(day),
        month=format_month_name(day),
        url=f"{wanted.build_url(view='month', day=day)}#day",
        add_url=url_for("composer.show_composer", day=day),
        is_today=day == wanted.today,
        is_past=day < wanted.today,
        is_outside=(day.year, day.month) != (wanted.day.year, wanted.day.month),
        is_closed=day < wanted.today or is_too_far,
        is_too_far=is_too_far,
        is_chosen=day == wanted.chosen,
    )


def describe_month(
    wanted: CalendarRequest, days: DayRange, chips: Sequence[CalendarChip]
) -> dict[str, Any]:
    """Weeks of days, and the day that is listed below the table."""
    cells = build_cells(wanted, days, chips)
    weeks = split_weeks(list(cells.values()))
    return {
        "weeks": weeks,
        "weekdays": list_weekdays(weeks[0]),
        "listed_days": [cells[wanted.day]],
    }


def list_weekdays(week: Iterable[DayCell]) -> list[tuple[str, str]]:
    """Return the short and the full name of each day."""
    return [(format_weekday(cell.date, is_short=True), cell.weekday) for cell in week]


def describe_week(
    wanted: CalendarRequest, days: DayRange, chips: Sequence[CalendarChip]
) -> dict[str, Any]:
    """Hours of seven days, only those with posts and some beside them; and the days as a list."""
    cells = build_cells(wanted, days, chips)
    now = wanted.now.astimezone(wanted.zone)
    hours = {chip.at.hour for chip in chips}
    if wanted.today in cells:
        hours.add(now.hour)
    rows = [
        (hour, [build_hour(cell, hour, wanted, now.hour, now.minute) for cell in cells.values()])
        for hour in list_hours(hours)
    ]
    return {
        "rows": rows,
        "day_cells": list(cells.values()),
        "listed_days": [cell for cell in cells.values() if cell.chips],
    }


def build_hour(
    cell: DayCell, hour: int, wanted: CalendarRequest, now_hour: int, now_minute: int
) -> HourCell:
    is_now = cell.date == wanted.today and hour == now_hour
    quarter = now_minute // MINUTES_PER_QUARTER if is_now else None
    return HourCell(cell, hour, [chip for chip in cell.chips if chip.at.hour == hour], quarter)


def describe_list(wanted: CalendarRequest, chips: Sequence[CalendarChip]) -> Mapping[str, Any]:
    """The days that have posts, as headings."""
    cells: dict[date, DayCell] = {}
    for chip in chips:
        day = chip.at.date()
        cells.setdefault(day, build_cell(wanted, day)).chips.append(chip)
    return {"listed_days": list(cells.values())}
