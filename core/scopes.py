"""The scopes that a request may have: what a person, an API key or a host's token may do."""

WORKER_SCOPE = "workers:run"
ADMIN_SCOPE = "admin"
SCOPES = (
    "accounts:read",
    "accounts:write",
    "posts:read",
    "posts:write",
    "media:write",
    "insights:read",
    "comments:write",
    WORKER_SCOPE,
    ADMIN_SCOPE,
)
OPERATOR_SCOPES = frozenset({WORKER_SCOPE, ADMIN_SCOPE})
"""Scopes that only administrators have; nobody else's key or token gets them."""

USER_SCOPES = frozenset(SCOPES) - OPERATOR_SCOPES
ADMIN_SCOPES = USER_SCOPES | {ADMIN_SCOPE}
