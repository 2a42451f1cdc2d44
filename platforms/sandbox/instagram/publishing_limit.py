"""The quota of published posts in 24 moving hours, and the endpoint that reports it.

Source: Meta, ig-user/content_publishing_limit, text of 2026-09-11; the lag as observed. A carousel
is one post; a deleted post stays counted.
"""

from typing import Any

from flask import Blueprint

from platforms.sandbox.clock import DAY_SECONDS
from platforms.sandbox.instagram.access import GraphCaller, find_account, read_params
from platforms.sandbox.instagram.fields import parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import invalid_parameter
from platforms.sandbox.instagram.graph_route import graph_route
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.state import InstagramState, current_instagram

routes = Blueprint("instagram_publishing_limit", __name__)

LIMIT_FIELDS = {"quota_usage": None, "config": ("quota_total", "quota_duration")}
CLOCK_TOLERANCE = 60.0  # seconds between the clocks of client and server


@graph_route(routes, "GET", "/<ig_id>/content_publishing_limit")
def show_publishing_limit(caller: GraphCaller, ig_id: str) -> dict[str, Any]:
    state, params = current_instagram(), read_params()
    account = find_account(caller, ig_id)
    caller.require_feature("publish")
    since = read_since(state, str(params.get("since", "")))
    until = state.now - state.settings.quota_lag_seconds
    limit = {
        "quota_usage": count_usage(state, account, since=since, until=until),
        "config": {
            "quota_total": state.settings.publishing_quota,
            "quota_duration": int(DAY_SECONDS),
        },
    }
    specs = parse_fields(params.get("fields") or "quota_usage")
    return {"data": [select_fields(limit, specs, LIMIT_FIELDS, node_type="ContentPublishingLimit")]}


def count_usage(
    state: InstagramState,
    account: IgAccount,
    *,
    since: float | None = None,
    until: float | None = None,
) -> int:
    """Count the posts of the last 24 hours, or of a part of them. Units: seconds since 1970."""
    first = state.now - DAY_SECONDS if since is None else since
    last = state.now if until is None else until
    return sum(
        1
        for record in state.publishing.of_account(account.id)
        if first < record.at <= last
        and (not record.is_story or state.settings.has_stories_in_quota)
    )


def read_since(state: InstagramState, text: str) -> float | None:
    """Errors: GraphError 100 for a time that is more than 24 hours ago."""
    if not text:
        return None
    if not text.isdecimal() or float(text) < state.now - DAY_SECONDS - CLOCK_TOLERANCE:
        raise invalid_parameter("Param since must be a UNIX timestamp of the last 24 hours")
    return float(text)
