"""The platforms that publish, by name; a new one is one line here.

Instagram so far only receives webhooks, so that it is not in the table.
"""

from collections.abc import Callable, Mapping

from platforms import tiktok
from platforms.base import Adapter, PlatformApp, WebhookAdapter
from platforms.http import HttpClient
from platforms.instagram import InstagramWebhooks
from platforms.secret import Secret

REGISTRY: Mapping[str, Callable[[PlatformApp, HttpClient], Adapter]] = {
    "tiktok": tiktok.build_adapter,
}


def build_adapters(apps: Mapping[str, PlatformApp], http: HttpClient) -> dict[str, Adapter]:
    """Build the configured platforms. Errors: KeyError for a name that is not in `REGISTRY`."""
    return {name: REGISTRY[name](app, http) for name, app in apps.items()}


def build_instagram_webhooks(
    secrets: tuple[Secret, ...], verify_token: Secret | None
) -> WebhookAdapter:
    """Build Instagram's webhook adapter. Instagram has no adapter that publishes yet."""
    return InstagramWebhooks(secrets, verify_token)
