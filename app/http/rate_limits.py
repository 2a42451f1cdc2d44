"""How often one caller may ask. The arithmetic is in core/limits; here is who counts as whom."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, g, request

from app.http.context import current_container, find_principal
from core.config.limits import LimitSettings
from core.config.parsers import Rate
from core.errors import RateLimitExceeded, ServiceUnavailable
from core.limits.redis_client import RedisUnavailable
from core.limits.sliding_window import RateLimitResult
from core.observability import metrics

ALL_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
EXEMPT_PATH_PREFIXES = (
    "/api/webhooks/",
    "/api/crm/webhooks/",
)  # signed: a platform must not be turned away
IPV6_HOST_BITS = 64  # bits of an IPv6 address that one household has to itself

RateSelector = Callable[[LimitSettings], tuple[Rate, ...]]


@dataclass(frozen=True)
class RateLimitRule:
    """Which requests share a budget; `strict` refuses while nobody can count."""

    name: str
    methods: frozenset[str]
    path: re.Pattern[str]
    user_rates: RateSelector
    anonymous_rates: RateSelector
    strict: bool = False

    def matches(self, method: str, path: str) -> bool:
        return method in self.methods and self.path.fullmatch(path) is not None


RATE_LIMIT_RULES = (
    RateLimitRule(
        "login",
        frozenset({"POST"}),
        re.compile(r"/login|/api/auth/login"),
        lambda limit_settings: limit_settings.login_rates,
        lambda limit_settings: limit_settings.login_rates,
        strict=True,
    ),
    RateLimitRule(
        "oauth",
        frozenset({"GET", "HEAD"}),
        re.compile(r"/api/auth/(?!me$)[a-z]+(/callback)?"),
        lambda limit_settings: limit_settings.oauth_rates,
        lambda limit_settings: limit_settings.oauth_rates,
        strict=True,
    ),
    RateLimitRule(
        "instagram-publish",
        frozenset({"POST"}),
        re.compile(r"/api/instagram/publish"),
        lambda limit_settings: limit_settings.instagram_publish_rates,
        lambda limit_settings: limit_settings.anonymous_rates,
    ),
    RateLimitRule(
        "general",
        ALL_METHODS,
        re.compile(r"/api/.*"),
        lambda limit_settings: limit_settings.user_rates,
        lambda limit_settings: limit_settings.anonymous_rates,
    ),
)
"""The first that covers a request counts it."""


def init_rate_limits(app: Flask) -> None:
    app.before_request(check_rate_limit)
    app.after_request(set_rate_limit_headers)


def check_rate_limit() -> None:
    """Errors: Limited; Away where a strict rule cannot count."""
    path = request.path
    rule = next((rule for rule in RATE_LIMIT_RULES if rule.matches(request.method, path)), None)
    if rule is None or path.startswith(EXEMPT_PATH_PREFIXES):
        return
    try:
        g.hit = record_hit(rule)
    except RedisUnavailable:
        metrics.LIMITER_UNAVAILABLE.labels(rule.name).inc()
        if rule.strict:
            raise ServiceUnavailable("nobody can count the tries right now") from None
        return
    if not g.hit.is_allowed:
        metrics.RATE_LIMIT_HITS.labels("api", rule.name).inc()
        raise RateLimitExceeded(
            "too many requests", code="RATE_LIMIT_EXCEEDED", retry_after=g.hit.wait
        )


def record_hit(rule: RateLimitRule) -> RateLimitResult:
    principal, limit_settings = find_principal(), current_container().settings.limits
    limits = current_container().services.rate_limits
    if principal is not None:
        return limits.acquire_api(
            f"{rule.name}:user:{principal.user_id}", rule.user_rates(limit_settings)
        )
    return limits.acquire_api(
        f"{rule.name}:ip:{client_network()}", rule.anonymous_rates(limit_settings)
    )


def client_network() -> str:
    """Where a stranger comes from; the whole of an IPv6 household counts as one."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return f"{int(address) >> IPV6_HOST_BITS:x}"
    return str(address)


def set_rate_limit_headers(response: Response) -> Response:
    hit: RateLimitResult | None = g.get("hit")
    if hit is not None:
        resets_at = current_container().services.now() + hit.resets_in
        response.headers["X-RateLimit-Limit"] = str(hit.limit)
        response.headers["X-RateLimit-Remaining"] = str(hit.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(resets_at.timestamp()))
    return response
