"""Rate limits of the API: which requests share a limit, and by whom they are counted.

The counting itself is in `core/limits`.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask import Flask, Response, g, request

from app.http.client_addresses import client_network, has_shared_network
from app.http.context import current_container, find_principal
from app.http.request_log import USER_ID_KEY
from core.config.settings import Settings
from core.errors import RateLimitExceeded, ServiceUnavailable
from core.limits.redis_client import RedisUnavailable
from core.limits.sliding_window import RateLimitResult
from core.observability import metrics
from platforms.registry import PLATFORMS
from platforms.setting_types import Rate

ALL_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
EXEMPT_PATH_PREFIXES = (
    *("/api/webhooks/", "/api/crm/webhooks/"),  # signed deliveries of platforms
    *("/static/", "/m/"),  # files of pages, and those that platforms download by a signed link
    *("/healthz", "/readyz", "/statusz", "/metrics"),  # asked by machines, at short intervals
)
"""Requests that must not be refused for coming often."""

UPLOAD_PATH = re.compile(r"/api/media/\d+", re.ASCII)
SHARED_NETWORK_FACTOR = 50
"""How much more is allowed to clients that a proxy does not tell apart: they share one limit."""

RateSelector = Callable[[Settings], tuple[Rate, ...]]


@dataclass(frozen=True)
class RateLimitRule:
    """Requests that share one limit; `strict` refuses them while Redis is unavailable."""

    name: str
    methods: frozenset[str]
    path: re.Pattern[str]
    user_rates: RateSelector
    anonymous_rates: RateSelector
    strict: bool = False

    def matches(self, method: str, path: str) -> bool:
        return method in self.methods and self.path.fullmatch(path) is not None


def read_platform_rates(name: str, setting: str, settings: Settings) -> tuple[Rate, ...]:
    rates: tuple[Rate, ...] = getattr(settings.of_platform(name), setting)
    return rates


def build_platform_rules(name: str) -> tuple[RateLimitRule, ...]:
    """Rules for the routes that a platform limits itself."""
    return tuple(
        RateLimitRule(
            f"{name}-{path.rpartition('/')[2]}",
            frozenset({"POST"}),
            re.compile(re.escape(path)),
            partial(read_platform_rates, name, rates),
            lambda settings: settings.limits.anonymous_rates,
        )
        for path, rates in PLATFORMS[name].route_rates.items()
    )


PLATFORM_RULES = {name: build_platform_rules(name) for name in PLATFORMS}

RATE_LIMIT_RULES = (
    RateLimitRule(
        "login",
        frozenset({"POST"}),
        re.compile(r"/login|/api/auth/login"),
        lambda settings: settings.limits.login_rates,
        lambda settings: settings.limits.login_rates,
        strict=True,
    ),
    *(
        RateLimitRule(  # apart, so that so many connections can be made, and not half as many
            name,
            frozenset({"GET", "HEAD"}),
            re.compile(path),
            lambda settings: settings.limits.oauth_rates,
            lambda settings: settings.limits.oauth_rates,
            strict=True,
        )
        for name, path in (
            ("oauth", r"/api/auth/(?!me$)[a-z]+"),
            ("oauth-callback", r"/api/auth/[a-z]+/callback"),
        )
    ),
    *(rule for rules in PLATFORM_RULES.values() for rule in rules),
    RateLimitRule(
        "general",
        ALL_METHODS,
        re.compile(r"/api/.*"),
        lambda settings: settings.limits.user_rates,
        lambda settings: settings.limits.anonymous_rates,
    ),
    RateLimitRule(
        "pages",
        ALL_METHODS,
        re.compile(r"/.*"),
        lambda settings: settings.limits.page_rates,
        lambda settings: settings.limits.page_rates,
    ),
)
"""A request is counted by the first rule that matches."""


def init_rate_limits(app: Flask) -> None:
    app.before_request(check_rate_limit)
    app.after_request(set_rate_limit_headers)


def check_rate_limit() -> None:
    """Count this request and refuse it if its limit is used up.

    Errors: RateLimitExceeded; ServiceUnavailable if a strict rule cannot reach Redis.
    """
    remember_user()
    path = request.path
    rule = next((rule for rule in RATE_LIMIT_RULES if rule.matches(request.method, path)), None)
    if rule is None or path.startswith(EXEMPT_PATH_PREFIXES) or is_upload_of_user():
        return
    apply_rule(rule)


def check_platform_rates(platform: str) -> None:
    """Count a request for a post as on the platform's own route, which shares the limit.

    Errors: RateLimitExceeded.
    """
    for rule in PLATFORM_RULES.get(platform, ()):
        apply_rule(rule)


def apply_rule(rule: RateLimitRule) -> None:
    """Errors: as `check_rate_limit`."""
    try:
        g.rate_limit_result = count_request(rule)
    except RedisUnavailable:
        metrics.LIMITER_UNAVAILABLE.labels(rule.name).inc()
        if rule.strict:
            raise ServiceUnavailable("attempts cannot be counted: Redis is unavailable") from None
        return
    if not g.rate_limit_result.is_allowed:
        metrics.RATE_LIMIT_HITS.labels("api", rule.name).inc()
        raise RateLimitExceeded(
            describe_limit(g.rate_limit_result),
            code="RATE_LIMIT_EXCEEDED",
            retry_after=g.rate_limit_result.wait,
        )


def describe_limit(result: RateLimitResult) -> str:
    seconds = math.ceil(result.wait.total_seconds())
    return (
        f"the limit of {result.limit} requests is used up: send the next one in {seconds} seconds"
    )


def is_upload_of_user() -> bool:
    """Whether these are bytes of an announced upload: they are no calls of the API, and how many
    there may be is decided when the upload is announced.
    """
    is_upload = request.method == "PATCH" and UPLOAD_PATH.fullmatch(request.path) is not None
    return is_upload and find_principal() is not None


def remember_user() -> None:
    """Leave the user's id in the ASGI scope, for limits that are kept on the event loop."""
    principal = find_principal()
    if principal is not None:
        request.environ.get("asgi.scope", {})[USER_ID_KEY] = principal.user_id


def count_request(rule: RateLimitRule) -> RateLimitResult:
    """Count this request for its user, or for the network it comes from if it is anonymous."""
    principal, services = find_principal(), current_container().services
    settings = services.settings
    rate_limits = services.patient_rate_limits if rule.strict else services.rate_limits
    if principal is not None:
        return rate_limits.acquire_api(
            f"{rule.name}:user:{principal.user_id}", rule.user_rates(settings)
        )
    rates = rule.anonymous_rates(settings)
    if has_shared_network():
        rates = tuple(Rate(rate.limit * SHARED_NETWORK_FACTOR, rate.window) for rate in rates)
    return rate_limits.acquire_api(f"{rule.name}:ip:{client_network()}", rates)


def set_rate_limit_headers(response: Response) -> Response:
    result: RateLimitResult | None = g.get("rate_limit_result")
    if result is not None:
        resets_at = current_container().services.now() + result.resets_in
        response.headers["X-RateLimit-Limit"] = str(result.limit)
        response.headers["X-RateLimit-Remaining"] = str(result.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(resets_at.timestamp()))
    return response
