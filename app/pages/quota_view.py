"""What an account may still send, as pages show it: gauges for its own limits, lines for others."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.http.context import current_container
from app.http.i18n import translate_text
from core import publishing
from core.accounts import AccountView, DestinationView
from core.publishing.remaining_quota import Limits, Quotas
from core.publishing.reported_limits import list_reported_limits
from core.publishing.targets import QuotaAccount
from db.session import Session
from platforms.platform import QuotaHold, QuotaRule, QuotaScope
from platforms.registry import PLATFORMS

QuotaFields = dict[QuotaAccount, dict[str, Any]]
"""Gauges and lines of each account, see `quota_fields`."""


def list_quota_accounts(view: AccountView) -> dict[QuotaAccount, str | None]:
    """List a login, or each account behind it that is posted to with its name; nothing of a login
    that does not work.
    """
    if view.needs_reconnect:
        return {}
    if view.destinations is None:
        return {login_quota_account(view): None}
    return {
        destination_quota_account(view, item): item.name
        for item in view.destinations
        if item.is_selected and not item.is_lost
    }


def login_quota_account(view: AccountView) -> QuotaAccount:
    return QuotaAccount(view.provider, view.id)


def destination_quota_account(view: AccountView, item: DestinationView) -> QuotaAccount:
    return QuotaAccount(view.provider, view.id, item.id, item.external_id)


def load_quota_fields(accounts: Iterable[QuotaAccount]) -> QuotaFields:
    """Load the limits of these accounts of the user."""
    limits = load_quota_limits(accounts)
    with current_container().database.transaction() as session:
        return count_quota_fields(session, limits)


def load_quota_limits(accounts: Iterable[QuotaAccount]) -> dict[QuotaAccount, Limits]:
    """Load the limits, some of which platforms are asked for: no transaction may be open."""
    container = current_container()
    return publishing.load_limits(container.database, container.services, accounts)


def count_quota_fields(session: Session, limits: Mapping[QuotaAccount, Limits]) -> QuotaFields:
    quotas = publishing.count_quotas(session, limits)
    return {account: quota_fields(account, own) for account, own in quotas.items()}


def quota_fields(account: QuotaAccount, quotas: Quotas) -> dict[str, Any]:
    """Return gauges and lines: pairs of a label and the quota.

    `reported`: labels of limits that the platform has reported. `unaudited`: the line that counts
    for all accounts until the platform has audited the app.
    """
    provider = account.provider
    reported = list_reported_limits(current_container().services, account) or {}
    rules = PLATFORMS[provider].quotas
    pairs = [(rules[name], quota_label(provider, name), quota) for name, quota in quotas.items()]
    return {
        "gauges": [(label, quota) for rule, label, quota in pairs if is_gauge(rule)],
        "lines": [(label, quota) for rule, label, quota in pairs if not is_gauge(rule)],
        "reported": [label for rule, label, _ in pairs if rule.name in reported],
        "unaudited": next(
            (quota for rule, _, quota in pairs if rule.scope is QuotaScope.APPLICATION), None
        ),
    }


def is_gauge(rule: QuotaRule) -> bool:
    """Whether the limit is one of the account's own posts."""
    return rule.scope is not QuotaScope.APPLICATION and rule.hold is not QuotaHold.STARTS


def quota_label(provider: str, name: str) -> str:
    form = PLATFORMS[provider].form
    label = None if form is None else form.quota_labels.get(name)
    return translate_text(label) if label else name
