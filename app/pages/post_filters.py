"""The filters of the list of posts: read from the address, and shown as chips and links."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from flask import request, url_for

from app.http.i18n import gettext_noop, translate_text
from app.http.time_zones import current_zone
from app.pages.account_names import AccountLabel
from app.pages.badges import POST_BADGES
from app.pages.brands import draft_label, find_form, kind_label, platform_title
from core.validation import clamp_time
from db.publishing.post_filter import DISPLAY_STATES, IN_PROGRESS, PostFilter
from platforms.publishing import Capability
from platforms.registry import PLATFORMS

MAX_SEARCH_CHARS = 200
MAX_ROW_ID = 2**63 - 1
FILTER_NAMES = ("q", "state", "platform", "account", "kind", "from", "to")
NEEDS_YOU = ("FAILED", "HELD", "UNCONFIRMED", "DRAFT")
SAVED_VIEWS: Sequence[tuple[str, tuple[str, ...]]] = (
    (gettext_noop("All posts"), ()),
    (gettext_noop("Scheduled"), ("SCHEDULED",)),
    (gettext_noop("In progress"), IN_PROGRESS),
    (gettext_noop("Needs you"), NEEDS_YOU),
    (gettext_noop("Failed"), ("FAILED",)),
)
"""Name of a view, and the states that it lists."""

Query = Mapping[str, Sequence[str]]


class Chip(NamedTuple):
    """A filter that is set, and the address of the list without it."""

    text: str
    url: str


class ViewLink(NamedTuple):
    label: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class ListQuery:
    """What the address asks for. `values`: the parameters that were understood."""

    values: Query
    filters: PostFilter
    is_by_time: bool

    @property
    def has_filters(self) -> bool:
        return any(name in self.values for name in FILTER_NAMES)

    @property
    def has_details(self) -> bool:
        """Whether a filter is set that is folded away otherwise."""
        return any(name in self.values for name in ("state", "kind", "from", "to"))

    def first(self, name: str) -> str:
        return next(iter(self.values.get(name, ())), "")


def read_list_query() -> ListQuery:
    """Read the parameters of this request; what means nothing is left out."""
    values = {name: kept for name in FILTER_NAMES if (kept := read_values(name))}
    has_days = "from" in values or "to" in values
    is_by_time = has_days or request.args.get("sort") == "publish"
    if is_by_time:
        values["sort"] = ["publish"]
    account_id, destination_id = parse_account(next(iter(values.get("account", ())), ""))
    kinds = tuple(kind for _, kind in map(split_kind, values.get("kind", ())))
    filters = PostFilter(
        displays=tuple(values.get("state", ())),
        provider=next(iter(values.get("platform", ())), None),
        account_id=account_id,
        destination_id=destination_id,
        kinds=kinds,
        words=next(iter(values.get("q", ())), None),
        publish_since=start_of_day(values.get("from")),
        publish_until=start_of_day(values.get("to"), days_later=1),
    )
    return ListQuery(values, filters, is_by_time)


def read_values(name: str) -> list[str]:
    """Return the values of a parameter that mean something, each once."""
    values = list(dict.fromkeys(request.args.getlist(name)))
    is_valid = VALUE_CHECKS[name]
    return [value for value in values if is_valid(value)]


def is_search(value: str) -> bool:
    return bool(value.strip()) and len(value) <= MAX_SEARCH_CHARS and "\0" not in value


def is_account(value: str) -> bool:
    return parse_account(value) != (None, None)


def is_kind(value: str) -> bool:
    provider, kind = split_kind(value)
    return provider in PLATFORMS and kind in PLATFORMS[provider].kinds


def is_day(value: str) -> bool:
    return start_of_day([value]) is not None


VALUE_CHECKS = {
    "q": is_search,
    "state": DISPLAY_STATES.__contains__,
    "platform": PLATFORMS.__contains__,
    "account": is_account,
    "kind": is_kind,
    "from": is_day,
    "to": is_day,
}


def parse_account(key: str) -> tuple[int | None, int | None]:
    """Return the ids of a login and of an account behind it, as `account_names` writes them."""
    login, _, destination = key.partition(":")
    ids = [int(part) for part in (login, destination) if part.isascii() and part.isdecimal()]
    if not ids or len(ids) != (2 if destination else 1) or max(ids) > MAX_ROW_ID:
        return None, None
    return ids[0], ids[1] if destination else None


def split_kind(value: str) -> tuple[str, str]:
    """Split `platform:KIND`."""
    provider, _, kind = value.partition(":")
    return provider, kind


def start_of_day(values: Sequence[str] | None, *, days_later: int = 0) -> datetime | None:
    """Return when a day `YYYY-MM-DD` begins in the reader's time zone; None if it is no day."""
    try:
        day = datetime.strptime(next(iter(values or ()), ""), "%Y-%m-%d").date()  # noqa: DTZ007 - a day
        start = datetime.combine(day + timedelta(days=days_later), time.min, current_zone())
        return clamp_time(start)
    except (ValueError, OverflowError):
        return None


def list_url(values: Query, **changes: str) -> str:
    """Return the address of the list with these parameters."""
    pairs = [(name, value) for name, kept in values.items() for value in kept]
    query = urlencode([*pairs, *changes.items()])
    return url_for("post_pages.list_posts") + (f"?{query}" if query else "")


def list_chips(query: ListQuery, accounts: Sequence[AccountLabel]) -> list[Chip]:
    """Return a chip for each filter that is set."""
    return [
        Chip(text, list_url(without_value(query.values, name, value)))
        for name, value, text in describe_values(query.values, accounts)
    ]


def describe_values(
    values: Query, accounts: Sequence[AccountLabel]
) -> Iterator[tuple[str, str, str]]:
    """Return the parameters with their values and texts."""
    names = {account.key: account.name for account in accounts}
    describe: Mapping[str, Callable[[str], str]] = {
        "q": lambda value: translate_text("Words: %(words)s", words=value),
        "state": state_label,
        "platform": platform_title,
        "account": lambda value: names.get(value, translate_text("Another account")),
        "kind": lambda value: kind_label(*split_kind(value)),
        "from": lambda value: translate_text("From %(day)s", day=value),
        "to": lambda value: translate_text("To %(day)s", day=value),
    }
    for name in FILTER_NAMES:
        for value in values.get(name, ()):
            yield name, value, describe[name](value)


def without_value(values: Query, name: str, value: str) -> Query:
    changed = {
        key: [item for item in kept if (key, item) != (name, value)] for key, kept in values.items()
    }
    return {key: kept for key, kept in changed.items() if kept}


def list_saved_views(query: ListQuery) -> list[ViewLink]:
    chosen = set(query.values.get("state", ()))
    has_others = any(name in query.values for name in FILTER_NAMES if name != "state")
    return [
        ViewLink(
            translate_text(label),
            list_url({"state": list(states)} if states else {}),
            not has_others and chosen == set(states),
        )
        for label, states in SAVED_VIEWS
    ]


def list_state_choices() -> list[tuple[str, str]]:
    """Return the states of posts with their labels."""
    return [(name, state_label(name)) for name in DISPLAY_STATES]


def state_label(name: str) -> str:
    if name in POST_BADGES:
        return translate_text(POST_BADGES[name].label)
    return draft_state_label()


def draft_state_label() -> str:
    """Return the label of drafts, of each platform that has them."""
    return " / ".join(dict.fromkeys(draft_label(code) for code in list_draft_platforms()))


def draft_state_icon() -> str:
    """Return the icon of drafts, of the first platform that has them."""
    return next((find_form(code).draft_icon for code in list_draft_platforms()), "file-text")


def list_draft_platforms() -> list[str]:
    return [
        code for code, platform in PLATFORMS.items() if Capability.DRAFT in platform.capabilities
    ]


def list_kind_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the kinds of posts with their labels, by platform."""
    return [
        (
            platform_title(code),
            [(f"{code}:{kind}", kind_label(code, kind)) for kind in platform.kinds],
        )
        for code, platform in PLATFORMS.items()
    ]
