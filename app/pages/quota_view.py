"""What an account may still send, as pages show it: gauges for its own limits, lines for others."""

from typing import Any

from app.http.context import current_container, current_principal
from app.http.i18n import translate_text
from core import publishing
from core.publishing import RemainingQuota
from platforms.platform import QuotaHold, QuotaRule, QuotaScope
from platforms.registry import PLATFORMS


def load_quota_fields(
    provider: str, *, account_id: int | None = None, destination_id: int | None = None
) -> dict[str, Any]:
    """Load the limits of an account, or of the user's only one. Errors: as `find_target`."""
    remaining = publishing.get_remaining_quota(
        current_container().database,
        current_container().services,
        provider,
        user_id=current_principal().user_id,
        account_id=account_id,
        destination_id=destination_id,
    )
    return quota_fields(provider, remaining)


def quota_fields(provider: str, remaining: RemainingQuota) -> dict[str, Any]:
    """Return gauges and lines: pairs of a label and the quota."""
    rules = PLATFORMS[provider].quotas
    pairs = [
        (rules[name], quota_label(provider, name), quota)
        for name, quota in remaining.quotas.items()
    ]
    return {
        "gauges": [(label, quota) for rule, label, quota in pairs if is_gauge(rule)],
        "lines": [(label, quota) for rule, label, quota in pairs if not is_gauge(rule)],
    }


def is_gauge(rule: QuotaRule) -> bool:
    """Whether the limit is one of the account's own posts."""
    return rule.scope is not QuotaScope.APPLICATION and rule.hold is not QuotaHold.STARTS


def quota_label(provider: str, name: str) -> str:
    form = PLATFORMS[provider].form
    label = None if form is None else form.quota_labels.get(name)
    return translate_text(label) if label else name
