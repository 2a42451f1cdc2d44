"""Rate limits: counts calls per account and app, says the use in headers, refuses at 100 %.

Source: Meta, Graph API rate limiting, read 2026-11-22: limits by business use case are per account
and 24 h, those of the app per hour; calls while refused prolong the wait.
"""

import json
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, g

from platforms.sandbox.instagram.access import GraphCaller
from platforms.sandbox.instagram.graph_errors import GraphError
from platforms.sandbox.instagram.state import InstagramState

routes = Blueprint("instagram_usage", __name__)

DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS = 86_400.0, 3_600.0, 60.0
FULL_PERCENT = 100
LIMIT_HELP = (
    "Wait a bit and try again. For more info, please refer to "
    "https://developers.facebook.com/docs/graph-api/overview/rate-limiting."
)
LIMIT_MESSAGES = {
    4: "(#4) Application request limit reached",
    17: "(#17) User request limit reached",
    32: "(#32) Page request limit reached",
    613: "(#613) Calls to this api have exceeded the rate limit.",
    80002: f"(#80002) There have been too many calls to this Instagram account. {LIMIT_HELP}",
}
APP_LIMIT_CODE = 4


@dataclass
class SandboxUsageCounter:
    """The calls of one account or app. `given_percent`: set by a test, instead of counting."""

    calls: deque[float] = field(default_factory=deque)
    given_percent: float | None = None
    blocked_until: float | None = None

    def count_call(self, now: float, window: float) -> None:
        while self.calls and self.calls[0] <= now - window:
            self.calls.popleft()
        self.calls.append(now)

    def percent(self, limit: int) -> int:
        """Return the whole percent of the limit that is used; 0 without a limit."""
        if self.given_percent is not None:
            return int(self.given_percent)
        return FULL_PERCENT * len(self.calls) // limit if limit else 0

    def minutes_to_regain(self, now: float) -> int:
        if self.blocked_until is None:
            return 0
        return max(math.ceil((self.blocked_until - now) / MINUTE_SECONDS), 0)

    def reset(self) -> None:
        self.calls.clear()
        self.given_percent = self.blocked_until = None


def count_call(meta: InstagramState, caller: GraphCaller, node_id: str) -> None:
    """Count a call and prepare its headers. Errors: GraphError 4, 17, 32, 613 or 80002 at 100 %."""
    settings = meta.settings
    account_id = find_charged_account(meta, caller, node_id)
    app = usage_counter(meta, f"app:{caller.flavour}")
    app.count_call(meta.now, HOUR_SECONDS)
    g.instagram_usage = headers = {}
    app_error = find_refusal(meta, app, settings.app_calls_per_hour, APP_LIMIT_CODE)
    if app_percent := app.percent(settings.app_calls_per_hour):
        headers["X-App-Usage"] = json.dumps(usage_percents(app_percent))
    account_error = None
    if account_id:
        counter = usage_counter(meta, f"account:{account_id}")
        counter.count_call(meta.now, DAY_SECONDS)
        limit = settings.account_calls_per_day
        account_error = find_refusal(meta, counter, limit, settings.account_limit_code)
        usage = {
            "type": "instagram",
            **usage_percents(counter.percent(limit)),
            "estimated_time_to_regain_access": counter.minutes_to_regain(meta.now),
        }
        headers["X-Business-Use-Case-Usage"] = json.dumps({account_id: [usage]})
    error = account_error or app_error
    if error is not None:
        raise error


def usage_counter(meta: InstagramState, key: str) -> SandboxUsageCounter:
    counter: SandboxUsageCounter = meta.calls.setdefault(key, SandboxUsageCounter())
    return counter


def usage_percents(percent: int) -> dict[str, int]:
    percent = min(percent, FULL_PERCENT)
    return {"call_count": percent, "total_cputime": percent // 4, "total_time": percent // 4}


def find_refusal(
    meta: InstagramState, counter: SandboxUsageCounter, limit: int, code: int
) -> GraphError | None:
    """Return the error of a counter at 100 %; each call in the meantime prolongs the wait."""
    settings = meta.settings
    if counter.blocked_until is not None and counter.blocked_until <= meta.now:
        counter.reset()
        return None
    if counter.blocked_until is not None:
        counter.blocked_until += settings.regain_penalty_minutes * MINUTE_SECONDS
    elif counter.percent(limit) >= FULL_PERCENT:
        counter.blocked_until = meta.now + settings.regain_minutes * MINUTE_SECONDS
    else:
        return None
    is_app_limit = code == APP_LIMIT_CODE
    return GraphError(
        LIMIT_MESSAGES[code],
        code,
        status=403 if is_app_limit else 400,
        is_transient=True if is_app_limit else None,
    )


def find_charged_account(meta: InstagramState, caller: GraphCaller, node_id: str) -> str:
    """Return the id of the account that a call on this node is charged to; "" for none."""
    kind = meta.node_kind(node_id)
    if kind == "account":
        return node_id
    if kind in {"media", "container"}:
        nodes = meta.media if kind == "media" else meta.containers
        return str(nodes[node_id].account_id)
    if kind == "comment":
        return str(meta.comments[node_id].owner_id)
    if kind == "page":
        return meta.pages[node_id].account_id or ""
    if node_id == "me" and caller.account is not None:
        return caller.account.id
    return ""


@routes.after_app_request
def add_usage_headers(response: Response) -> Response:
    headers: dict[str, Any] = g.pop("instagram_usage", {})
    response.headers.extend(headers)
    return response
