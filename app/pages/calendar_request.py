"""What the address of the calendar asks for, and addresses of its other views."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import request, url_for

from app.http.context import current_container
from app.http.i18n import gettext_noop
from app.http.time_zones import current_zone
from app.http.validation import MAX_ROW_ID_DIGITS
from app.pages.calendar_days import CalendarView
from core.publishing.local_times import convert_to_local
from core.publishing.post_request import MAX_SCHEDULE_AHEAD
from core.validation import clamp_time
from db.publishing.calendar_posts import CalendarFilter

FIRST_YEAR, LAST_YEAR = 2000, 2100  # of days that the calendar opens
MAX_KEY_LENGTH = 40  # of login and destination
SCHEDULED_STATE, HELD_STATE = "scheduled", "held"
STATE_FILTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    SCHEDULED_STATE: (gettext_noop("Scheduled"), ("QUEUED",)),
    HELD_STATE: (gettext_noop("On hold"), ("QUEUED",)),
    "moving": (gettext_noop("In progress"), ("SENDING", "PROCESSING", "UNCONFIRMED")),
    "published": (gettext_noop("Published"), ("PUBLISHED",)),
    "failed": (gettext_noop("Failed"), ("FAILED",)),
    "cancelled": (gettext_noop("Cancelled"), ("CANCELLED",)),
}
"""Filter → its label and the states of posts."""


@dataclass(frozen=True)
class CalendarRequest:
    """What is to be shown. `chosen`: the day that the address names; `after`: time and id of the
    last post of the page before, in the list.
    """

    view: CalendarView
    day: date
    chosen: date | None
    account: str
    state: str
    zone: ZoneInfo
    now: datetime
    after: tuple[datetime, int] | None = None

    @property
    def today(self) -> date:
        return convert_to_local(self.now, self.zone).date()

    @property
    def last_day(self) -> date:
        """The last day on which a post can be scheduled."""
        return convert_to_local(self.now + MAX_SCHEDULE_AHEAD, self.zone).date()

    @property
    def posts_filter(self) -> CalendarFilter:
        account, _, destination = self.account.partition(":")
        is_held = None
        if self.state in {SCHEDULED_STATE, HELD_STATE}:
            is_held = self.state == HELD_STATE
        return CalendarFilter(
            account_id=read_row_id(account),
            destination_id=read_row_id(destination),
            states=STATE_FILTERS[self.state][1] if self.state else (),
            is_held=is_held,
        )

    def build_url(self, endpoint: str = "calendar_pages.show_calendar", **changes: object) -> str:
        """Return the address of a view with the filters of this one, except for the changes."""
        values = {
            "view": self.view,
            "day": self.chosen or "",
            "account": self.account,
            "state": self.state,
            **changes,
        }
        query = {name: str(value) for name, value in values.items() if value}
        return f"{url_for(endpoint)}?{urlencode(query)}"


def read_calendar_request() -> CalendarRequest:
    """Read the address; what has no meaning in it counts as not given."""
    args, zone, now = request.args, current_zone(), current_container().services.now()
    chosen = read_day(args.get("day", ""))
    view, state = args.get("view", ""), args.get("state", "")
    return CalendarRequest(
        view=CalendarView(view) if view in set(CalendarView) else CalendarView.MONTH,
        day=chosen or convert_to_local(now, zone).date(),
        chosen=chosen,
        account=args.get("account", "")[:MAX_KEY_LENGTH],
        state=state if state in STATE_FILTERS else "",
        zone=zone,
        now=now,
        after=read_cursor(args.get("cursor", "")),
    )


def read_day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def read_cursor(text: str) -> tuple[datetime, int] | None:
    """Return time and id of the last post of the page before; None if there is none."""
    time_text, _, id_text = text.partition("_")
    post_id = read_row_id(id_text)
    try:
        at = datetime.fromisoformat(time_text)
    except ValueError:
        return None
    return None if at.tzinfo is None or post_id is None else (clamp_time(at), post_id)


def read_row_id(text: str) -> int | None:
    is_row_id = text.isascii() and text.isdigit() and len(text) <= MAX_ROW_ID_DIGITS
    return int(text) if is_row_id else None
