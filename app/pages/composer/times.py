"""The time of a composed post, in the user's zone and in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_datetime

from app.http.context import current_container
from app.http.i18n import current_locale, translate_text
from app.http.time_zones import current_zone
from app.pages.composer.form import Composition
from core.publishing.local_times import find_gap_end

SUGGESTED_HOUR = 9  # of tomorrow
MINUTES_PER_HOUR = 60


@dataclass(frozen=True)
class TimeSuggestion:
    label: str
    day: str
    clock: str


def describe_time_fault(composition: Composition, publish_at: datetime | None) -> str:
    """Why the time cannot be taken, as a sentence in the reader's language; empty if it can."""
    if not composition.is_scheduled:
        return ""
    local = composition.local_time
    if local is None:
        return translate_text("Choose a date and a time.")
    if publish_at is None:
        return describe_gap(local)
    if publish_at <= current_container().services.now():
        return translate_text("Choose a time in the future.")
    return ""


def describe_gap(local: datetime) -> str:
    """Say that clocks pass over this time, and which one is the first after it."""
    gap_end = find_local_gap_end(local)
    if gap_end is None:
        return translate_text("Choose a time within the next 90 days.")
    before, after = f"{local:%H:%M}", f"{gap_end:%H:%M}"
    return translate_text(
        "%(time)s does not exist on %(day)s in %(zone)s. Choose %(first)s or later.",
        time=before,
        day=format_datetime(local, "d MMMM y", locale=current_locale()),
        zone=current_zone().key,
        first=after,
    )


def find_local_gap_end(local: datetime) -> datetime | None:
    """Return the first time after one that clocks pass over; None at the ends of the calendar."""
    try:
        return find_gap_end(local, current_zone())
    except OverflowError:
        return None


def describe_time(composition: Composition) -> dict[str, Any]:
    """The chosen moment in words, its zone, and whether its time comes twice."""
    zone, now = current_zone(), current_container().services.now()
    publish_at = composition.publish_at(zone)
    moment = (publish_at or now).astimezone(zone)
    return {
        "zone": zone.key,
        "offset": format_offset(moment.utcoffset() or timedelta()),
        "publish_at": publish_at,
        "local_words": format_moment(moment) if publish_at else "",
        "utc_words": format_utc_moment(publish_at) if publish_at else "",
        "is_twice": len(composition.list_instants(zone)) > 1,
        "fault": describe_time_fault(composition, publish_at),
    }


def format_moment(at: datetime) -> str:
    return str(format_datetime(at, "EEEE d MMMM, HH:mm", locale=current_locale(), tzinfo=at.tzinfo))


def format_utc_moment(at: datetime) -> str:
    return str(format_datetime(at, "EEEE d MMMM, HH:mm 'UTC'", locale=current_locale()))


def format_offset(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / MINUTES_PER_HOUR)
    sign = "\N{MINUS SIGN}" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), MINUTES_PER_HOUR)
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def suggest_times(last_used: datetime | None) -> list[TimeSuggestion]:
    """Tomorrow morning, and the time of day that was chosen last."""
    zone = current_zone()
    tomorrow = (current_container().services.now().astimezone(zone) + timedelta(days=1)).date()
    morning = f"{SUGGESTED_HOUR:02}:00"
    label = translate_text("Tomorrow, %(time)s", time=morning)
    suggestions = [TimeSuggestion(label, tomorrow.isoformat(), morning)]
    if last_used is not None:
        clock = f"{last_used.astimezone(zone):%H:%M}"
        text = translate_text("As last time: tomorrow, %(time)s", time=clock)
        suggestions.append(TimeSuggestion(text, tomorrow.isoformat(), clock))
    return suggestions
