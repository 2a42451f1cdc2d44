"""How often one caller may ask. The arithmetic is in core/limits; here is who counts as whom."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, g, request

from app.context import house, visitor
from core.config.figures import Figures
from core.config.formats import Rate
from core.errors import Away, Limited
from core.resilience.shared import SharedAway
from core.resilience.window import Hit
from core.watch import metrics

ANY = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
EXEMPT = ("/api/webhooks/", "/api/crm/webhooks/")  # signed: a platform must not be turned away
HOME = 64  # bits of an IPv6 address that one household has to itself

Rates = Callable[[Figures], tuple[Rate, ...]]


@dataclass(frozen=True)
class Rule:
    """Which requests share a budget; `strict` refuses while nobody can count."""

    name: str
    methods: frozenset[str]
    path: re.Pattern[str]
    of_users: Rates
    of_strangers: Rates
    strict: bool = False

    def covers(self, method: str, path: str) -> bool:
        return method in self.methods and self.path.fullmatch(path) is not None


RULES = (
    Rule(
        "login",
        frozenset({"POST"}),
        re.compile(r"/login|/api/auth/login"),
        lambda figures: figures.rate_login,
        lambda figures: figures.rate_login,
        strict=True,
    ),
    Rule(
        "oauth",
        frozenset({"GET", "HEAD"}),
        re.compile(r"/api/auth/(?!me$)[a-z]+(/callback)?"),
        lambda figures: figures.rate_oauth,
        lambda figures: figures.rate_oauth,
        strict=True,
    ),
    Rule(
        "instagram-publish",
        frozenset({"POST"}),
        re.compile(r"/api/instagram/publish"),
        lambda figures: figures.rate_instagram_publish,
        lambda figures: figures.rate_anonymous,
    ),
    Rule(
        "general",
        ANY,
        re.compile(r"/api/.*"),
        lambda figures: figures.rate_user,
        lambda figures: figures.rate_anonymous,
    ),
)
"""The first that covers a request counts it."""


def limit(app: Flask) -> None:
    app.before_request(count)
    app.after_request(tell)


def count() -> None:
    """Errors: Limited; Away where a strict rule cannot count."""
    path = request.path
    rule = next((rule for rule in RULES if rule.covers(request.method, path)), None)
    if rule is None or path.startswith(EXEMPT):
        return
    try:
        g.hit = hit(rule)
    except SharedAway:
        metrics.LIMITER_AWAY.labels(rule.name).inc()
        if rule.strict:
            raise Away("nobody can count the tries right now") from None
        return
    if not g.hit.allowed:
        metrics.RATE_LIMIT_HITS.labels("api", rule.name).inc()
        raise Limited("too many requests", code="RATE_LIMIT_EXCEEDED", retry_after=g.hit.wait)


def hit(rule: Rule) -> Hit:
    who, figures = visitor(), house().settings.limits
    limits = house().world.limits
    if who is not None:
        return limits.hits(f"{rule.name}:user:{who.user_id}", rule.of_users(figures))
    return limits.hits(f"{rule.name}:ip:{origin()}", rule.of_strangers(figures))


def origin() -> str:
    """Where a stranger comes from; the whole of an IPv6 household counts as one."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return f"{int(address) >> HOME:x}"
    return str(address)


def tell(response: Response) -> Response:
    found: Hit | None = g.get("hit")
    if found is not None:
        resets_at = house().world.now() + found.resets_in
        response.headers["X-RateLimit-Limit"] = str(found.limit)
        response.headers["X-RateLimit-Remaining"] = str(found.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(resets_at.timestamp()))
    return response
