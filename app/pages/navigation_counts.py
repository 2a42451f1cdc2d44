"""The numbers beside places of the navigation: what waits for the reader."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.http.context import current_principal
from app.http.i18n import find_plural_translation
from app.http.replica_reads import reading_database
from core.comments import count_open_comments
from db.accounts.accounts import Accounts
from db.identity.notifications import Notifications
from db.session import Session
from db.webhooks.discards import count_dead_events

ngettext = find_plural_translation  # by this name texts are extracted

MOST_COUNTED = 100  # of each kind; from here on pages show 99+


class NavigationCount(NamedTuple):
    """A number with its meaning, for those who do not see where it stands."""

    number: int
    text: str


def load_navigation_counts() -> Mapping[str, NavigationCount]:
    """Count what waits, by the name of the count; without what the reader has no scope for."""
    scopes = current_principal().scopes
    with reading_database().transaction() as session:
        return {
            name: count(session)
            for name, (scope, count) in COUNTS.items()
            if scope is None or scope in scopes
        }


def count_unread(session: Session) -> NavigationCount:
    principal = current_principal()
    number = Notifications(session).count_visible_unread(
        principal.user_id, most=MOST_COUNTED, muted_kinds=principal.muted_notifications
    )
    return describe_count(number, ngettext("%(num)d not read", "%(num)d not read", number))


def count_comments(session: Session) -> NavigationCount:
    number = count_open_comments(session, user_id=current_principal().user_id)
    return describe_count(number, ngettext("%(num)d not handled", "%(num)d not handled", number))


def count_accounts(session: Session) -> NavigationCount:
    number = Accounts(session).count_needing_reconnect(current_principal().user_id)
    text = ngettext("%(num)d needs to be reconnected", "%(num)d need to be reconnected", number)
    return describe_count(number, text)


def count_dead(session: Session) -> NavigationCount:
    number = count_dead_events(session, most=MOST_COUNTED)
    return describe_count(number, ngettext("%(num)d waits", "%(num)d wait", number))


def describe_count(number: int, form: str) -> NavigationCount:
    return NavigationCount(number, form % {"num": number})


UNREAD, OPEN_COMMENTS, BROKEN_ACCOUNTS = "unread", "open_comments", "broken_accounts"
DEAD_EVENTS = "dead_events"
COUNTS: Mapping[str, tuple[str | None, Callable[[Session], NavigationCount]]] = {
    UNREAD: (None, count_unread),
    OPEN_COMMENTS: ("comments:write", count_comments),
    BROKEN_ACCOUNTS: ("accounts:read", count_accounts),
    DEAD_EVENTS: ("admin", count_dead),
}
"""Name of a count → the scope that it needs, and what counts."""
