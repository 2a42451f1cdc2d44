"""The page of a user's settings: language, time zone, theme, shortcuts, and the sign-in."""

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import Any

from babel import Locale
from babel.dates import get_timezone_location
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import (
    SOURCE_LOCALE,
    browser_locale,
    current_locale,
    gettext_noop,
    load_catalogue,
    translate_text,
)
from app.http.messages import LOCALES
from app.http.time_zones import DEFAULT_ZONE, load_zone
from app.pages.browser_names import browser_name
from app.pages.formatting import format_clock, zone_label
from core.errors import Invalid
from core.identity import login_sessions
from core.identity.passwords import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from core.identity.preferences import Preferences, list_inhabited_zones, save_preferences
from db.identity.users import THEMES

blueprint = Blueprint("settings_pages", __name__)

SAVED_TEXT = gettext_noop("Your settings are saved.")
THEME_LABELS = dict(
    zip(
        THEMES,
        (gettext_noop("As the system"), gettext_noop("Light"), gettext_noop("Dark")),
        strict=True,
    )
)
REGION_LABELS = {
    "Africa": gettext_noop("Africa"),
    "America": gettext_noop("America"),
    "Antarctica": gettext_noop("Antarctica"),
    "Arctic": gettext_noop("Arctic"),
    "Asia": gettext_noop("Asia"),
    "Atlantic": gettext_noop("Atlantic Ocean"),
    "Australia": gettext_noop("Australia"),
    "Europe": gettext_noop("Europe"),
    "Indian": gettext_noop("Indian Ocean"),
    "Pacific": gettext_noop("Pacific Ocean"),
}


@blueprint.get("/settings")
@require_login()
def show_settings() -> str:
    """Show my profile, the form for a new password, and the browsers in which I am signed in."""
    return render_settings()


@blueprint.post("/settings/profile")
@require_login()
def save_profile() -> Response | tuple[str, int]:
    """Save my language, time zone, theme and whether keyboard shortcuts work."""
    form = request.form
    preferences = Preferences(
        locale=form.get("locale") or None,
        time_zone=form.get("time_zone", ""),
        theme=form.get("theme", ""),
        has_shortcuts=form.get("has_shortcuts") == "1",
    )
    try:
        with current_container().database.transaction() as session:
            save_preferences(session, current_principal().user_id, preferences)
    except Invalid:
        text = translate_text("Choose a language, a time zone and a theme from the lists.")
        return render_settings(errors=[("time-zone", text)]), 400
    language = preferences.locale or browser_locale() or SOURCE_LOCALE  # the one just chosen
    flash(load_catalogue(language).gettext(SAVED_TEXT), "good")
    return redirect(url_for("settings_pages.show_settings"))


def render_settings(*, errors: list[tuple[str, str]] | None = None) -> str:
    principal = current_principal()
    with current_container().database.transaction() as session:
        rows = login_sessions.list_sessions(session, principal.user_id)
    return render_template(
        "settings.html",
        errors=errors or [],
        languages=[(code, language_name(code)) for code in LOCALES],
        zone_groups=list_zone_groups(),
        themes=[(theme, translate_text(label)) for theme, label in THEME_LABELS.items()],
        sessions=rows,
        current_id=principal.credential_id,
        browser_name=browser_name,
        least_chars=MIN_PASSWORD_LENGTH,
        most_chars=MAX_PASSWORD_LENGTH,
    )


def language_name(code: str) -> str:
    """Return the name of a language in that language, as Français."""
    return (Locale(code).get_display_name(code) or code).capitalize()


def list_zone_groups() -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the zones by region, each with its city and the time there now."""
    now = current_container().services.now()
    groups = defaultdict(list)
    for name, region, city in name_zones(current_locale()):
        groups[region].append(zone_fields(name, city, now))
    own = current_principal().time_zone or DEFAULT_ZONE
    if own not in list_inhabited_zones() and own != DEFAULT_ZONE:
        groups[""].append(zone_fields(own, own, now))
    groups[""].append(zone_fields(DEFAULT_ZONE, DEFAULT_ZONE, now))
    named = [(translate_text(REGION_LABELS[region]), groups[region]) for region in REGION_LABELS]
    return [("", groups[""]), *named]


def zone_fields(name: str, city: str, now: datetime) -> dict[str, Any]:
    zone, locale = load_zone(name), current_locale()
    local_time, label = format_clock(now, locale, zone), zone_label(now, zone, locale)
    return {"name": name, "label": f"{city} · {local_time} {label}"}


@cache
def name_zones(locale: str) -> list[tuple[str, str, str]]:
    """Return name, region and city of every inhabited zone, in the order of the cities."""
    rows = [
        (name, name.partition("/")[0], get_timezone_location(name, locale=locale, return_city=True))
        for name in list_inhabited_zones()
    ]
    return sorted(rows, key=lambda row: row[2])
