"""The places of the navigation: one line each, with the page's endpoint, icon and label."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import request, url_for

from app.http.context import current_principal
from app.http.i18n import gettext_noop, translate_text
from app.pages.navigation_counts import (
    BROKEN_ACCOUNTS,
    DEAD_EVENTS,
    OPEN_COMMENTS,
    UNREAD,
    NavigationCount,
    load_navigation_counts,
)

NO_COUNT = NavigationCount(0, "")


class NavigationEntry(NamedTuple):
    """A page in the navigation; shown to who has its scopes."""

    endpoint: str
    icon: str
    label: str
    scopes: tuple[str, ...] = ()
    on_phone: bool = False  # has a place in the bottom bar of phones; the others are under More
    counted: str = ""  # the name of the number beside it
    shortcut: str = ""  # keys, with a space between those of a sequence
    query: tuple[tuple[str, str], ...] = ()  # with this in its address the page is another place


NEW_POST = NavigationEntry(
    "composer.show_composer",
    "plus",
    gettext_noop("New post"),
    shortcut="n",
)
MAIN_ENTRIES = (
    NavigationEntry(
        "dashboard.show_home", "house", gettext_noop("Home"), on_phone=True, shortcut="g h"
    ),
    NavigationEntry(
        "calendar_pages.show_calendar",
        "calendar-days",
        gettext_noop("Calendar"),
        on_phone=True,
        shortcut="g c",
    ),
    NavigationEntry(
        "post_pages.list_posts", "list", gettext_noop("Posts"), on_phone=True, shortcut="g p"
    ),
    NavigationEntry(
        "comment_pages.show_comments",
        "message-circle",
        gettext_noop("Comments"),
        scopes=("comments:write",),
        counted=OPEN_COMMENTS,
    ),
    NavigationEntry(
        "number_pages.show_numbers",
        "chart-column",
        gettext_noop("Insights"),
        scopes=("insights:read",),
        shortcut="g i",
    ),
    NavigationEntry(
        "account_pages.list_accounts",
        "users",
        gettext_noop("Accounts"),
        counted=BROKEN_ACCOUNTS,
        shortcut="g a",
    ),
)
OPERATOR_SCOPES = ("admin",)
OPERATOR_ENTRIES = (
    NavigationEntry(
        "monitoring_pages.show_monitoring",
        "activity",
        gettext_noop("Is everything moving?"),
        OPERATOR_SCOPES,
    ),
    NavigationEntry(
        "event_pages.list_events", "webhook", gettext_noop("Webhook events"), OPERATOR_SCOPES
    ),
    NavigationEntry(
        "event_pages.list_events",
        "mail",
        gettext_noop("Dead letters"),
        OPERATOR_SCOPES,
        counted=DEAD_EVENTS,
        query=(("status", "dead"),),
    ),
    NavigationEntry(
        "queue_pages.list_queues", "layers", gettext_noop("Queues and workers"), OPERATOR_SCOPES
    ),
    NavigationEntry(
        "platform_status_pages.show_platforms", "plug", gettext_noop("Platforms"), OPERATOR_SCOPES
    ),
    NavigationEntry(
        "audit_pages.list_entries", "scroll-text", gettext_noop("Audit log"), OPERATOR_SCOPES
    ),
    NavigationEntry("user_pages.list_users", "user", gettext_noop("Users"), OPERATOR_SCOPES),
)
OWN_ENTRIES = (
    NavigationEntry(
        "notification_pages.list_notifications",
        "bell",
        gettext_noop("Notifications"),
        counted=UNREAD,
    ),
    NavigationEntry("settings_pages.show_settings", "settings", gettext_noop("Settings")),
    NavigationEntry("reference_pages.show_reference", "code", gettext_noop("API reference")),
)
PHONE_PLACES_BEFORE_NEW_POST = 2


@dataclass(frozen=True)
class NavigationPlace:
    """An entry as a page shows it. `current`: the value of aria-current, or nothing."""

    url: str
    icon: str
    label: str
    current: str = ""
    is_new_post: bool = False
    count: NavigationCount = NO_COUNT
    shortcut: str = ""


@dataclass(frozen=True)
class NavigationPlaces:
    main: list[NavigationPlace]
    operator: list[NavigationPlace]
    own: list[NavigationPlace]
    phone: list[NavigationPlace]
    sheet: list[NavigationPlace]
    new_post: NavigationPlace
    unread: NavigationCount


def navigation_places(*, has_counts: bool = True) -> NavigationPlaces:
    """Return what the navigation shows to the user of this request.

    `has_counts`: with numbers from the database; a page about an error does not ask it.
    """
    counts = load_navigation_counts() if has_counts else {}
    new_post = show_entry(NEW_POST, counts, is_new_post=True)
    phone = list_places((entry for entry in MAIN_ENTRIES if entry.on_phone), counts)
    phone.insert(PHONE_PLACES_BEFORE_NEW_POST, new_post)
    return NavigationPlaces(
        main=list_places(MAIN_ENTRIES, counts),
        operator=list_places(OPERATOR_ENTRIES, counts),
        own=list_places(OWN_ENTRIES, counts),
        phone=phone,
        sheet=list_places((entry for entry in MAIN_ENTRIES if not entry.on_phone), counts),
        new_post=new_post,
        unread=counts.get(UNREAD, NO_COUNT),
    )


def list_places(
    entries: Iterable[NavigationEntry], counts: Mapping[str, NavigationCount]
) -> list[NavigationPlace]:
    """Return the places of those entries whose pages the user may open."""
    scopes = current_principal().scopes
    return [show_entry(entry, counts) for entry in entries if scopes.issuperset(entry.scopes)]


def show_entry(
    entry: NavigationEntry, counts: Mapping[str, NavigationCount], *, is_new_post: bool = False
) -> NavigationPlace:
    return NavigationPlace(
        url_for(entry.endpoint, **dict[str, Any](entry.query)),
        entry.icon,
        translate_text(entry.label),
        current=find_current(entry),
        is_new_post=is_new_post,
        count=counts.get(entry.counted, NO_COUNT),
        shortcut=entry.shortcut,
    )


def find_current(entry: NavigationEntry) -> str:
    """Return `page` on the entry's page, `true` on pages of the same subject, else nothing."""
    if request.endpoint == entry.endpoint:
        return "page" if is_at_query(entry) else ""
    if entry.query:
        return ""
    is_same_subject = request.blueprint == entry.endpoint.partition(".")[0]
    return "true" if is_same_subject else ""


def is_at_query(entry: NavigationEntry) -> bool:
    """Whether the address names what this entry does, and nothing of which another is the place."""
    others = [each.query for each in OPERATOR_ENTRIES if each.endpoint == entry.endpoint]
    chosen = [query for query in others if query and {*query} <= {*request.args.items()}]
    return entry.query in chosen if chosen else not entry.query
