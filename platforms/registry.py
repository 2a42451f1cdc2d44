"""The one table that knows the adapters by name. A new platform is one line here."""

from collections.abc import Callable, Mapping

from platforms import tiktok
from platforms.base import App, Platform, Webhooks
from platforms.http import Http
from platforms.instagram import InstagramWebhooks
from platforms.secret import Secret

REGISTRY: Mapping[str, Callable[[App, Http], Platform]] = {
    "tiktok": tiktok.build,
}


def build(apps: Mapping[str, App], http: Http) -> dict[str, Platform]:
    """The platforms that are configured. Errors: KeyError for a name that no adapter has."""
    return {name: REGISTRY[name](app, http) for name, app in apps.items()}


def instagram_ear(secrets: tuple[Secret, ...], verify_token: Secret | None) -> Webhooks:
    """Instagram's deliveries are heard before anything else of it is there."""
    return InstagramWebhooks(secrets, verify_token)
