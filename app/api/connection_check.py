"""A check of one platform's connection for the person who set it up: settings, login, webhooks."""

from typing import Any

from flask import Blueprint

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import success_body
from app.serialize.accounts import serialize_account
from core import accounts
from core.accounts import AccountView
from core.config.environment import iter_settings
from platforms.registry import PLATFORMS

blueprint = Blueprint("connection_check", __name__)

CONNECT_FIRST = "Connect an account: GET /api/auth/{platform}."
CONNECT_AGAIN = "Connect the account again: its token is no longer accepted."
CHOOSE_ACCOUNT = "Choose an account: POST /api/platforms/{platform}/select."
ALLOW_MISSING = "Connect again and leave every permission ticked: some are missing."
CHECK_WEBHOOKS = "Check the app's webhook settings at the platform: a subscription was refused."
SET_SETTINGS = "Set what is missing: {names}."


@blueprint.get(f"/api/{PLATFORM_URL_PARAM}/test-auth")
@require_scopes("accounts:read")
def check_connection(platform: str) -> dict[str, Any]:
    """Show what is set and what is connected, and what to do next; no value of a setting.

    For administrators the platform is also asked about their logins.
    """
    settings = current_container().settings
    with current_container().database.transaction() as session:
        views = accounts.list_account_views(
            session,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
        )
    names = [name for name, _ in iter_settings(PLATFORMS[platform].settings)]
    missing = settings.missing_names.get(platform, ())
    probes = probe_own_logins(platform) if current_principal().is_admin else {}
    return success_body(
        platform=platform,
        configured=platform in current_container().services.adapters,
        settings={name: name in settings.configured_names for name in names},
        connected=bool(views),
        accounts=[serialize_account(view) for view in views],
        recommendations=list_recommendations(platform, views, missing),
        **probes,
    )


def probe_own_logins(platform: str) -> dict[str, Any]:
    probes = accounts.probe_logins(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        provider=platform,
    )
    return {"probes": [serialize_probe(probe) for probe in probes]}


def serialize_probe(probe: accounts.LoginProbe) -> dict[str, Any]:
    """What the platform answered about one login: names, times and codes of errors."""
    token, permissions = probe.token, probe.permissions
    return {
        "accountId": probe.account_id,
        "token": {
            "ok": token.ok,
            "code": token.code,
            "expiresAt": token.expires_at,
            "dataAccessUntil": token.data_access_until,
        },
        "permissions": {
            "ok": permissions.ok,
            "code": permissions.code,
            "granted": permissions.granted,
            "missing": permissions.missing,
        },
        "subscriptions": [
            {
                "destinationId": each.destination_id,
                "ok": each.ok,
                "code": each.code,
                "fields": each.fields,
            }
            for each in probe.subscriptions
        ],
    }


def list_recommendations(
    platform: str, views: tuple[AccountView, ...], missing: tuple[str, ...]
) -> list[str]:
    """Return what the person or the operator should do next, the most urgent first."""
    destinations = [item for view in views for item in view.destinations or ()]
    is_refused = any(item.subscription.error_code for item in destinations if item.is_selected)
    advice = {
        SET_SETTINGS: bool(missing),
        CONNECT_FIRST: not missing and not views,
        CONNECT_AGAIN: any(view.needs_reconnect for view in views),
        CHOOSE_ACCOUNT: any(view.needs_choice for view in views),
        ALLOW_MISSING: any(view.missing_scopes for view in views),
        CHECK_WEBHOOKS: is_refused,
    }
    return [
        sentence.format(platform=platform, names=", ".join(missing))
        for sentence, applies in advice.items()
        if applies
    ]
