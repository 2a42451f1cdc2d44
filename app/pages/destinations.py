"""What a page shows of the accounts behind the logins of one platform: the form to choose them."""

from collections.abc import Sequence
from typing import Any

from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.pages.avatars import destination_avatar_url
from core.accounts import AccountView, DestinationView, UnavailableDestination

UNKNOWN_REASON = gettext_noop("This account cannot be used at the moment.")


def destination_page_fields(views: Sequence[AccountView]) -> dict[str, Any]:
    """Return the accounts to choose from. Where logins are posted to themselves there are none."""
    return {
        "destinations": [
            destination_fields(item) for view in views for item in view.destinations or ()
        ],
        "unavailable": [unavailable_fields(item) for view in views for item in view.unavailable],
        "needs_choice": any(view.needs_choice for view in views),
    }


def destination_fields(view: DestinationView) -> dict[str, Any]:
    subscription = view.subscription
    return {
        "id": view.id,
        "name": view.name,
        "handle": view.handle,
        "avatar": destination_avatar_url(view),
        "page_name": view.details.get("page_name"),
        "followers": view.details.get("followers_count"),
        "is_selected": view.is_selected,
        "is_blocked": view.is_blocked,
        "reason": explain_cause(view.cause) if view.cause else None,
        "subscribed_at": subscription.subscribed_at,
        "subscription_reason": (
            explain_cause(subscription.error_code) if subscription.error_code else None
        ),
        "subscription_sentence": subscription.sentence,
    }


def unavailable_fields(item: UnavailableDestination) -> dict[str, Any]:
    return {"name": item.name or item.external_id, "reason": explain_cause(item.reason)}


def explain_cause(code: str) -> str:
    """Return what a code means and what to do about it."""
    message = find_message(code, current_locale())
    return f"{message.message} {message.suggestion}" if message else translate_text(UNKNOWN_REASON)
