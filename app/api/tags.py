"""The groups of the API's operations, in the order of the reference."""

from collections.abc import Mapping
from typing import NamedTuple

from app.http.i18n import gettext_noop
from platforms.registry import PLATFORMS


class Tag(NamedTuple):
    """A group of operations; `name` is part of the address of its page."""

    name: str
    title: str


TAGS = (
    Tag("posts", gettext_noop("Posts")),
    Tag("drafts", gettext_noop("Drafts")),
    Tag("media", gettext_noop("Media")),
    Tag("accounts", gettext_noop("Accounts")),
    Tag("comments", gettext_noop("Comments")),
    Tag("insights", gettext_noop("Insights")),
    Tag("endpoints", gettext_noop("Webhook endpoints")),
    Tag("notifications", gettext_noop("Notifications")),
    Tag("identity", gettext_noop("Sign-in and keys")),
    *(Tag(name, platform.brand.title) for name, platform in PLATFORMS.items()),
    Tag("webhooks", gettext_noop("Webhooks of platforms")),
    Tag("operator", gettext_noop("Operator")),
    Tag("workers", gettext_noop("Workers")),
    Tag("service", gettext_noop("Health and description")),
)
TAG_NAMES = frozenset(tag.name for tag in TAGS)
OTHER_TAG = "service"
WORKER_PATH_PREFIX = "/api/workers/"
TAG_OF_BLUEPRINT: Mapping[str, str] = {
    "post_checks": "posts",
    "media_links": "media",
    "connection_check": "accounts",
    "oauth": "accounts",
    "auth": "identity",
    "sessions": "identity",
    "keys": "identity",
    "events": "operator",
    "admin": "operator",
    "admin_audit": "operator",
    "admin_users": "operator",
    "pauses": "operator",
    "monitoring": "operator",
    "activity": "operator",
    "validation_health": "operator",
    "health": "service",
    "openapi": "service",
    "reference_pages": "service",
}
"""Blueprint → tag, where they have different names."""


def find_tag(endpoint: str, path: str) -> str:
    """Return the name of the group of a route."""
    if path.startswith(WORKER_PATH_PREFIX):
        return "workers"
    blueprint = endpoint.partition(".")[0]
    name = TAG_OF_BLUEPRINT.get(blueprint, blueprint)
    return name if name in TAG_NAMES else OTHER_TAG
