"""What users choose for their pages: language, time zone, theme, shortcuts, notifications."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from core.errors import Invalid
from db.identity.notification_mails import NotificationMails
from db.identity.users import LOCALES, THEMES, Users
from db.session import Session

ZONE_COLUMN = 2  # of zone.tab: country, coordinates, name


@dataclass(frozen=True)
class Preferences:
    """`locale`: None for the browser's. `time_zone`: a name of the IANA database."""

    locale: str | None
    time_zone: str
    theme: str
    has_shortcuts: bool


def save_preferences(session: Session, user_id: int, preferences: Preferences) -> None:
    """Errors: Invalid, naming the fields."""
    faults = {}
    if preferences.locale is not None and preferences.locale not in LOCALES:
        faults["locale"] = "must be one of " + ", ".join(LOCALES)
    if not is_zone(preferences.time_zone):
        faults["timeZone"] = "must be a name of the IANA database, as Europe/Paris"
    if preferences.theme not in THEMES:
        faults["theme"] = "must be one of " + ", ".join(THEMES)
    if faults:
        text = "; ".join(f"{name} {fault}" for name, fault in faults.items())
        raise Invalid(text, details={"fields": faults})
    Users(session).update(
        user_id,
        locale=preferences.locale,
        time_zone=preferences.time_zone,
        theme=preferences.theme,
        has_shortcuts=preferences.has_shortcuts,
    )


def note_time_zone(session: Session, user_id: int, time_zone: str) -> bool:
    """Store the zone of the browser for a user who has none yet. Whether it was stored."""
    return is_zone(time_zone) and Users(session).set_first_time_zone(user_id, time_zone)


def mute_notifications(session: Session, user_id: int, kinds: Collection[str]) -> None:
    """Hide these kinds of notifications on the pages, and no others."""
    Users(session).update(user_id, muted_notifications=sorted(set(kinds)))


def mail_notifications(session: Session, user_id: int, kinds: Collection[str]) -> None:
    """Send these kinds of notifications also by e-mail, and no others.

    With the first kind that is chosen, what is older is not sent.
    """
    NotificationMails(session).choose_kinds(user_id, sorted(set(kinds)))


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all zones, with the older ones that browsers send."""
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    return name in zone_names()


@cache
def list_inhabited_zones() -> tuple[str, ...]:
    """Return the zones to choose from: one for each part of a country that has its own time."""
    table = files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    lines = (line for line in table.splitlines() if line and not line.startswith("#"))
    return tuple(sorted(line.split("\t")[ZONE_COLUMN] for line in lines))
