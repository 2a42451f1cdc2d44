"""The paths that users, host applications and operators were promised, and who may call each."""

from enum import StrEnum
from typing import NamedTuple


class Access(StrEnum):
    OPEN = "open"
    SIGNED = "signed"  # by a platform, or as part of the address
    USER = "user"
    SESSION = "session"  # a signed-in browser; API keys are refused
    CONSENT = "consent"  # a browser, which is led to the page of sign-in
    ADMIN = "admin"
    WORKER = "worker"


class PromisedPath(NamedTuple):
    methods: str
    path: str
    access: Access


USER, ADMIN, WORKER, OPEN = Access.USER, Access.ADMIN, Access.WORKER, Access.OPEN

PROMISED_PATHS = tuple(
    PromisedPath(methods, path, access)
    for methods, path, access in (
        ("POST", "/api/auth/login", OPEN),
        ("POST", "/api/auth/logout", USER),
        ("GET", "/api/auth/me", USER),
        ("GET POST", "/api/keys", Access.SESSION),
        ("DELETE", "/api/keys/1", Access.SESSION),
        ("GET", "/api/auth/tiktok", Access.CONSENT),
        ("GET", "/api/auth/tiktok/callback", OPEN),
        ("GET", "/api/auth/instagram", Access.CONSENT),
        ("GET", "/api/auth/instagram/callback", OPEN),
        ("GET", "/api/platforms", USER),
        ("GET", "/api/platforms/tiktok/status", USER),
        ("GET", "/api/platforms/instagram/status", USER),
        ("GET", "/api/platforms/instagram/accounts", USER),
        ("POST", "/api/platforms/tiktok/disconnect", USER),
        ("POST", "/api/platforms/instagram/disconnect", USER),
        ("POST", "/api/tiktok/disconnect", USER),
        ("POST", "/api/instagram/disconnect", USER),
        ("POST", "/api/auth/tiktok/disconnect", USER),
        ("POST", "/api/auth/instagram/disconnect", USER),
        ("POST", "/api/platforms/instagram/select", USER),
        ("POST", "/api/tiktok/upload", USER),
        ("GET", "/api/tiktok/status/v_pub_file~1", USER),
        ("GET", "/api/tiktok/posts", USER),
        ("GET", "/api/tiktok/quota", USER),
        ("GET", "/api/tiktok/upload/1/progress", USER),
        ("GET", "/api/tiktok/creator-info", USER),
        ("GET", "/api/tiktok/videos", USER),
        ("GET", "/api/tiktok/insights", USER),
        ("POST", "/api/instagram/publish", USER),
        ("GET", "/api/instagram/publish/1", USER),
        ("GET", "/api/instagram/media", USER),
        ("GET", "/api/instagram/comments", USER),
        ("POST", "/api/instagram/comments/1/hide", USER),
        ("POST", "/api/instagram/comments/1/reply", USER),
        ("POST", "/api/instagram/comments/1/handled", USER),
        ("DELETE", "/api/instagram/comments/1", USER),
        ("GET", "/api/instagram/insights", USER),
        ("GET", "/api/instagram/locations", USER),
        ("GET", "/api/instagram/test-auth", USER),
        ("GET POST", "/api/posts", USER),
        ("GET PATCH", "/api/posts/1", USER),
        ("POST", "/api/posts/check", USER),
        ("GET", "/api/platforms/tiktok/quota", USER),
        ("GET", "/api/platforms/instagram/quota", USER),
        ("GET", "/api/instagram/quota", USER),
        ("GET", "/api/posts/1/events", USER),
        ("POST", "/api/posts/1/cancel", USER),
        ("POST", "/api/posts/1/retry", USER),
        ("POST", "/api/posts/1/release", USER),
        ("POST", "/api/media", USER),
        ("OPTIONS", "/api/media", OPEN),
        ("HEAD PATCH GET DELETE", "/api/media/1", USER),
        ("GET HEAD", "/m/token/name.mp4", Access.SIGNED),
        ("GET", "/api/notifications", USER),
        ("POST", "/api/notifications/1/read", USER),
        ("POST", "/api/notifications/read-all", USER),
        ("GET POST", "/api/webhooks/tiktok", Access.SIGNED),
        ("GET POST", "/api/webhooks/instagram", Access.SIGNED),
        ("POST", "/api/webhooks/instagram/deauthorize", Access.SIGNED),
        ("POST", "/api/webhooks/instagram/data-deletion", Access.SIGNED),
        ("POST", "/api/workers/webhooks", WORKER),
        ("GET", "/api/workers/webhooks", OPEN),
        ("POST", "/api/workers/token-refresh", WORKER),
        ("GET", "/api/workers/token-refresh", OPEN),
        ("POST", "/api/workers/instagram-insights", WORKER),
        ("GET", "/api/workers/instagram-insights", OPEN),
        ("POST", "/api/workers/tiktok-insights", WORKER),
        ("GET", "/api/workers/tiktok-insights", OPEN),
        ("POST", "/api/workers/alert-checker", WORKER),
        ("GET", "/api/monitoring/metrics", ADMIN),
        ("GET POST", "/api/monitoring/alerts", ADMIN),
        ("GET", "/api/validation/health", ADMIN),
        ("GET", "/api/admin/webhook-events", ADMIN),
        ("GET", "/api/admin/webhook-events/1", ADMIN),
        ("POST", "/api/admin/webhook-events/1/replay", ADMIN),
        ("POST", "/api/admin/webhook-events/replay", ADMIN),
        ("GET", "/api/admin/accounts/1", ADMIN),
        ("GET", "/api/admin/circuit-breakers", ADMIN),
        ("GET", "/api/admin/config", ADMIN),
        ("GET", "/api/admin/audit", ADMIN),
        ("GET", "/api/admin/users", ADMIN),
        ("POST", "/api/admin/users/1/disable", ADMIN),
        ("POST", "/api/admin/users/1/enable", ADMIN),
        ("GET", "/api/admin/queues", ADMIN),
        ("GET", "/api/admin/rate-limits", ADMIN),
        ("GET", "/api/admin/pauses", ADMIN),
        ("POST DELETE", "/api/admin/pauses/tiktok", ADMIN),
        ("GET", "/healthz", OPEN),
        ("GET", "/readyz", OPEN),
        ("GET", "/statusz", OPEN),
        ("GET", "/metrics", OPEN),
        ("GET", "/openapi.json", OPEN),
        ("GET", "/docs", OPEN),
    )
)
"""Left out: `POST /api/crm/webhooks/<provider>`, which is not built on purpose. `/metrics` and
`/statusz` are open from a private address while METRICS_TOKEN is not set, as in the tests."""

PROMISED_PAGES = (
    *("/", "/platforms", "/platforms/connect"),
    *("/platforms/connect/tiktok", "/platforms/connect/instagram"),
    *("/platforms/tiktok", "/platforms/tiktok/upload"),
    *("/platforms/instagram", "/platforms/instagram/publish"),
    *("/platforms/instagram/comments", "/platforms/instagram/insights"),
    *("/posts", "/posts/1", "/notifications", "/settings/keys"),
    *("/widgets/tiktok", "/widgets/instagram"),
)
PROMISED_OPERATOR_PAGES = (
    *("/monitoring", "/admin/events", "/admin/events/1", "/admin/audit", "/admin/users"),
)
PROMISED_OPEN_PAGES = ("/login", "/data-deletion/code")
