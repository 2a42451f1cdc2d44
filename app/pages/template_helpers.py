"""Filters, functions and folders of all templates: numbers, sizes, times, badges."""

from datetime import UTC, date, datetime, tzinfo

from flask import Flask, request, url_for
from jinja2 import ChoiceLoader
from markupsafe import Markup

from app.http.context import current_container
from app.http.i18n import (
    current_locale,
    find_plural_translation,
    find_translation,
    translate_text,
)
from app.http.time_zones import current_zone
from app.pages import badges, formatting, thumbnails
from app.pages.brands import platform_title
from app.pages.navigation import navigation_places
from app.pages.upload import build_template_loader

ICONS_URL_KEY = "signalpost.icons_url"  # in the environment of a request


def init_template_helpers(app: Flask) -> None:
    """Register the filters and functions with Jinja, and the templates of platforms."""
    own_loader = app.jinja_loader
    loaders = [*([own_loader] if own_loader else []), build_template_loader()]
    app.jinja_loader = ChoiceLoader(loaders)
    app.jinja_env.filters.update(
        compact=lambda number: formatting.format_compact_number(number, current_locale()),
        whole=lambda number: formatting.format_whole_number(number, current_locale()),
        size=lambda count: formatting.format_bytes(count, current_locale()),
        percent=lambda value: formatting.format_percent(value, current_locale()),
        timestamp=timestamp_html,
        age=age_html,
        ago=distance_html,
        clock=clock_html,
        precise_clock=precise_clock_html,
        exact_moment=exact_moment_html,
        moment=moment_html,
        day=day_text,
        short_day=lambda day: formatting.format_short_day(day, current_locale()),
        translated=find_translation,
    )
    app.jinja_env.globals.update(
        platform_title=platform_title,
        post_badge=badges.post_badge,
        post_thumbnail=thumbnails.post_thumbnail,
        navigation_places=navigation_places,
        current_zone=current_zone,
        icons_url=icons_url,
    )


def icons_url() -> str:
    """Return the address of the icons; a page names it at each of them."""
    known: str | None = request.environ.get(ICONS_URL_KEY)
    if known is None:
        known = request.environ[ICONS_URL_KEY] = url_for("static", filename="icons.svg")
    return known


def timestamp_html(at: datetime | None) -> Markup:
    """Format a time to the second in the reader's time zone, with UTC as the tooltip."""
    if at is None:
        return Markup("&ndash;")
    return time_html(at, formatting.format_timestamp(at, current_locale(), current_zone()), UTC)


def clock_html(at: datetime) -> Markup:
    """Format the time of day in the reader's time zone, with the exact time as the tooltip."""
    text = formatting.format_clock(at, current_locale(), current_zone())
    return time_html(at, text, current_zone())


def moment_html(at: datetime) -> Markup:
    """Format day and minute in the reader's time zone, with the exact time as the tooltip."""
    text = formatting.format_moment(at, current_locale(), current_zone())
    return time_html(at, text, current_zone())


def precise_clock_html(at: datetime) -> Markup:
    """Format the time of day to the second, with the exact time as the tooltip."""
    text = formatting.format_precise_clock(at, current_locale(), current_zone())
    return time_html(at, text, current_zone())


def exact_moment_html(at: datetime) -> Markup:
    """Format a time to the second, with its day unless it is today."""
    text = formatting.format_exact_moment(
        at, current_container().services.now(), current_locale(), current_zone()
    )
    return time_html(at, text, current_zone())


def distance_html(at: datetime) -> Markup:
    """Format how far a time is from now, with the exact time as the tooltip."""
    now = current_container().services.now()
    text = formatting.format_distance(at, now, current_locale())
    return time_html(at, text, current_zone())


def day_text(at: datetime | date) -> str:
    """Name a day, or the day of a time in the reader's time zone."""
    zone = current_zone()
    day = at.astimezone(zone).date() if isinstance(at, datetime) else at
    today = current_container().services.now().astimezone(zone).date()
    return formatting.format_day(day, today, current_locale(), translate_text=translate_text)


def time_html(at: datetime, text: str, title_zone: tzinfo) -> Markup:
    title = formatting.format_timestamp(at, current_locale(), title_zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), title, text)


def age_html(at: datetime) -> Markup:
    """Format how long ago a time was, with the exact time as the tooltip."""
    text = formatting.format_age(
        at,
        current_container().services.now(),
        zone=current_zone(),
        translate_text=find_translation,
        ngettext=find_plural_translation,
    )
    return time_html(at, text, current_zone())
