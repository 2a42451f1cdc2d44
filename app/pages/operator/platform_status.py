"""Platforms as operators see them: circuits, limits, renewals, settings without values."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template

from app.http.context import current_container, require_login
from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import Badge, localize_badge
from app.pages.brands import platform_title
from core.config.environment import iter_settings
from core.limits.breaker import CircuitState
from core.limits.circuits import CircuitView
from core.limits.redis_client import RedisUnavailable
from core.limits.window_usage import HighestUsage
from db.accounts.accounts import Accounts
from db.ops.alert_queries import AlertQueries
from db.ops.call_times import CallTimes
from db.session import Session
from platforms.platform import Platform
from platforms.registry import PLATFORMS
from platforms.setting_types import Rate

REPORT_PERIOD = timedelta(hours=24)
CIRCUIT_BADGES = {
    CircuitState.CLOSED: Badge("good", gettext_noop("Closed"), "circle-check"),
    CircuitState.HALF_OPEN: Badge("wait", gettext_noop("Half open"), "circle-pause"),
    CircuitState.OPEN: Badge("bad", gettext_noop("Open"), "circle-x"),
}

blueprint = Blueprint("platform_status_pages", __name__)


@blueprint.get("/admin/platforms")
@require_login("admin")
def show_platforms() -> str:
    """Show circuits, limits, call times and settings of all platforms; no value of a setting."""
    container = current_container()
    circuits = container.services.circuits.list_circuits(container.services.adapters)
    usages = read_usages()
    with container.database.transaction() as session:
        platforms = [
            {
                **describe_platform(session, platform, circuits),
                "limits": describe_limits(session, platform, usages),
            }
            for platform in PLATFORMS.values()
        ]
        renewals = AlertQueries(session).failed_rows("accounts", within=REPORT_PERIOD)
    return render_template(
        "operator/platforms.html",
        platforms=platforms,
        renewals=renewals,
        are_usages_known=usages is not None,
    )


def read_usages() -> dict[str, HighestUsage] | None:
    """Who uses most of each limit; None if Redis, which counts, does not answer."""
    try:
        usages = current_container().services.rate_limits.list_usages()
    except RedisUnavailable:
        return None
    return {name: usage for name, (_, usage) in usages.items()}


def describe_platform(
    session: Session, platform: Platform, circuits: list[CircuitView]
) -> dict[str, Any]:
    settings = current_container().settings
    names = [name for name, _ in iter_settings(platform.settings)]
    return {
        "name": platform.name,
        "title": platform_title(platform.name),
        "missing": settings.missing_names.get(platform.name, ()),
        "is_on": platform.name in current_container().services.adapters,
        "circuits": [describe_circuit(view) for view in circuits if view.platform == platform.name],
        "times": CallTimes(session).summarize(platform.name, within=REPORT_PERIOD),
        "settings": [(name, name in settings.configured_names) for name in sorted(names)],
    }


def describe_limits(
    session: Session, platform: Platform, usages: dict[str, HighestUsage] | None
) -> list[dict[str, Any]]:
    """Each limit of a platform's calls, with the account that is nearest to it at the moment."""
    rates = current_container().services.rate_limits.rates
    return [
        {
            "name": each.name,
            "rate": rates[each.name].limit,
            **describe_usage(session, rates[each.name], (usages or {}).get(each.name)),
        }
        for each in platform.call_classes.values()
        if each.name in rates
    ]


def describe_usage(session: Session, rate: Rate, usage: HighestUsage | None) -> dict[str, Any]:
    if usage is None:
        return {"used": None}
    if usage.account_id is None:
        return {"used": usage.used, "is_complete": usage.is_complete}
    now = current_container().services.now()
    account = Accounts(session).get(usage.account_id)
    return {
        "used": usage.used,
        "is_full": usage.used >= rate.limit,
        "is_complete": usage.is_complete,
        "account_id": usage.account_id,
        "user_id": account and account.user_id,
        "free_at": now + usage.frees_in,
        "blocked_until": now + usage.blocked_for if usage.blocked_for else None,
    }


def describe_circuit(view: CircuitView) -> dict[str, Any]:
    circuit = view.circuit
    is_waiting = circuit.state is not CircuitState.CLOSED
    return {
        "circuit_name": view.name,
        "badge": localize_badge(CIRCUIT_BADGES[circuit.state]),
        "failures": view.failures,
        "successes": view.successes,
        "last_failure": to_utc(circuit.last_failure),
        "free_at": to_utc(circuit.free_at) if is_waiting else None,
        "note": translate_text("Calls pass.") if not is_waiting else "",
    }


def to_utc(seconds: float | None) -> datetime | None:
    """Units: seconds since 1970."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
