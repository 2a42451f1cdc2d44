"""Rate limits of the API: which requests share a limit, and by whom they are counted.

The counting itself is in `core/limits`.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, g, request

from app.http.context import current_container, find_principal
from core.config.settings import Settings
from core.errors import RateLimitExceeded, ServiceUnavailable
from core.limits.redis_client import RedisUnavailable
from core.limits.sliding_window import RateLimitResult
from core.observability import metrics
from platforms.registry import PLATFORMS
from platforms.setting_types import Rate

ALL_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
EXEMPT_PATH_PREFIXES = ("/api/webhooks/", "/api/crm/webhooks/")
"""Signed deliveries of platforms: they must not be refused for coming often."""

IPV6_HOST_BITS = 64  # the part of an IPv6 address that one customer's network chooses freely

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


def build_platform_rules() -> list[RateLimitRule]:
    """Rules for the routes that a platform limits itself."""
    return [
        RateLimitRule(
            f"{name}-{path.rpartition('/')[2]}",
            frozenset({"POST"}),
            re.compile(re.escape(path)),
            partial(read_platform_rates, name, rates),
            lambda settings: settings.limits.anonymous_rates,
        )
        for name, platform in PLATFORMS.items()
        for path, rates in platform.route_rates.items()
    ]


RATE_LIMIT_RULES = (
    RateLimitRule(
        "login",
        frozenset({"POST"}),
        re.compile(r"/login|/api/auth/login"),
        lambda settings: settings.limits.login_rates,
        lambda settings: settings.limits.login_rates,
        strict=True,
    ),
    RateLimitRule(
        "oauth",
        frozenset({"GET", "HEAD"}),
        re.compile(r"/api/auth/(?!me$)[a-z]+(/callback)?"),
        lambda settings: settings.limits.oauth_rates,
        lambda settings: settings.limits.oauth_rates,
        strict=True,
    ),
    *build_platform_rules(),
    RateLimitRule(
        "general",
        ALL_METHODS,
        re.compile(r"/api/.*"),
        lambda settings: settings.limits.user_rates,
        lambda settings: settings.limits.anonymous_rates,
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
    path = request.path
    rule = next((rule for rule in RATE_LIMIT_RULES if rule.matches(request.method, path)), None)
    if rule is None or path.startswith(EXEMPT_PATH_PREFIXES):
        return
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
            "too many requests", code="RATE_LIMIT_EXCEEDED", retry_after=g.rate_limit_result.wait
        )


def count_request(rule: RateLimitRule) -> RateLimitResult:
    """Count this request for its user, or for the network it comes from if it is anonymous."""
    principal, settings = find_principal(), current_container().settings
    rate_limits = current_container().services.rate_limits
    if principal is not None:
        return rate_limits.acquire_api(
            f"{rule.name}:user:{principal.user_id}", rule.user_rates(settings)
        )
    return rate_limits.acquire_api(
        f"{rule.name}:ip:{client_network()}", rule.anonymous_rates(settings)
    )


def client_network() -> str:
    """Return the client's IPv4 address, or the /64 network of its IPv6 address."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return f"{int(address) >> IPV6_HOST_BITS:x}"
    return str(address)


def set_rate_limit_headers(response: Response) -> Response:
    result: RateLimitResult | None = g.get("rate_limit_result")
    if result is not None:
        resets_at = current_container().services.now() + result.resets_in
        response.headers["X-RateLimit-Limit"] = str(result.limit)
        response.headers["X-RateLimit-Remaining"] = str(result.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(resets_at.timestamp()))
    return response
