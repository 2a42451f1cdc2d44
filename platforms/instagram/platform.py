"""Instagram as data."""

from platforms.adapter import Adapter
from platforms.base import PlatformApp
from platforms.http import HttpClient
from platforms.instagram.settings import InstagramSettings
from platforms.instagram.webhooks import InstagramWebhooks
from platforms.platform import Brand, Platform
from platforms.publishing import Capability


def build_adapter(app: PlatformApp, http: HttpClient) -> Adapter:
    del http
    return Adapter(
        name="instagram",
        webhooks=InstagramWebhooks(app.webhook_secrets, app.extra["verify_token"]),
    )


def build_webhooks(settings: InstagramSettings) -> InstagramWebhooks:
    """Return what verifies and parses deliveries, also while Instagram is off."""
    return InstagramWebhooks(settings.signing_secrets(), settings.webhook_verify_token)


PLATFORM = Platform(
    name="instagram",
    brand=Brand("Instagram", "instagram", "https://www.instagram.com"),
    settings=InstagramSettings,
    build_adapter=build_adapter,
    build_webhooks=build_webhooks,
    capabilities=frozenset(
        {
            Capability.PUBLISH,
            Capability.COMMENTS,
            Capability.REPLY,
            Capability.MENTIONS,
            Capability.INSIGHTS,
        }
    ),
    secret_patterns={("EAA", "IGA", "IGQ"): r"()\b(?:EAA|IGA|IGQ)[A-Za-z0-9]{16,}"},
    closing_answers=2,
    route_rates={"/api/instagram/publish": "publish_rates"},
)
