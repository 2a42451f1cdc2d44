"""What the list of accounts shows of each: state, permissions, renewal, limits, waiting posts."""

from collections.abc import Mapping
from typing import Any

from app.http.context import current_container, current_principal
from app.http.i18n import gettext_noop, translate_text
from app.pages.account_view import account_fields
from app.pages.badges import Badge, localize_badge
from app.pages.destinations import destination_fields
from app.pages.quota_view import QuotaFields, destination_quota_account, login_quota_account
from core import accounts
from core.accounts import AccountView, DestinationView
from core.publishing.quota import Quota
from db.posts.waiting import WaitingCounts

CHOSEN_BADGE = Badge("good", gettext_noop("Posted to"), "circle-check")
OTHER_BADGE = Badge("calm", gettext_noop("Not chosen"), "circle-minus")
BLOCKED_BADGE = Badge("wait", gettext_noop("Cannot be used"), "ban")
LOST_BADGE = Badge("bad", gettext_noop("Reconnect needed"), "circle-x")


def load_waiting_counts() -> Mapping[int, WaitingCounts]:
    with current_container().database.transaction() as session:
        return accounts.count_waiting_posts(session, user_id=current_principal().user_id)


def card_fields(
    view: AccountView, waiting: Mapping[int, WaitingCounts], quotas: QuotaFields
) -> dict[str, Any]:
    """Return the fields of a login's card; a part that does not apply is None or empty.

    `quotas`: the limits of accounts that work.
    """
    is_usable = not view.needs_reconnect
    return {
        **account_fields(view),
        "renews_at": view.renews_at if is_usable else None,
        "renewal_failed": is_usable and view.refresh_error is not None,
        "waiting": waiting.get(view.id, WaitingCounts()),
        "quotas": list_gauges(quotas.get(login_quota_account(view))),
        "destinations": [
            card_destination(item, quotas.get(destination_quota_account(view, item)))
            for item in view.destinations or ()
        ],
        "needs_choice": view.needs_choice,
    }


def card_destination(item: DestinationView, quota: dict[str, Any] | None) -> dict[str, Any]:
    return {
        **destination_fields(item),
        "badge": localize_badge(destination_badge(item)),
        "quotas": list_gauges(quota),
    }


def destination_badge(item: DestinationView) -> Badge:
    if item.is_blocked:
        return BLOCKED_BADGE
    if item.is_lost:
        return LOST_BADGE
    return CHOSEN_BADGE if item.is_selected else OTHER_BADGE


def list_gauges(quota: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the limits of what is posted to, with a sentence where one is full."""
    return [] if quota is None else [gauge_fields(label, each) for label, each in quota["gauges"]]


def gauge_fields(label: str, quota: Quota) -> dict[str, Any]:
    is_full = quota.remaining == 0
    return {
        "label": label,
        "used": quota.used,
        "limit": quota.limit,
        "resets_at": quota.resets_at,
        "note": translate_text("Full.") if is_full else "",
    }
