"""Builds the Instagram adapter from the settings of the app."""

from platforms.adapter import Adapter
from platforms.base import PlatformApp, WebhookAdapter
from platforms.http import HttpClient
from platforms.instagram.comments import InstagramComments
from platforms.instagram.error_catalogue import failure_reasons
from platforms.instagram.facebook_login import FacebookLogin
from platforms.instagram.graph import GraphClient
from platforms.instagram.insights import InstagramInsights
from platforms.instagram.instagram_login import InstagramLogin
from platforms.instagram.locations import InstagramPlaces
from platforms.instagram.media import InstagramMedia
from platforms.instagram.publisher import InstagramPublisher
from platforms.instagram.publishing_errors import OWN_REASONS
from platforms.instagram.settings import InstagramSettings
from platforms.instagram.subscription import InstagramSubscriber
from platforms.instagram.webhooks import InstagramWebhooks

FAILURE_REASONS = {**failure_reasons(), **OWN_REASONS}


def build_adapter(app: PlatformApp, http: HttpClient) -> Adapter:
    graph = GraphClient(app, http)
    is_facebook = graph.flavour == "facebook"
    return Adapter(
        name="instagram",
        webhooks=InstagramWebhooks(
            app.webhook_secrets, app.extra["verify_token"], (app.client_secret,)
        ),
        failure_reasons=FAILURE_REASONS,
        insights=InstagramMedia(graph),
        detailed_insights=InstagramInsights(graph),
        flow=FacebookLogin(graph) if is_facebook else InstagramLogin(graph),
        step_publisher=InstagramPublisher(graph),
        comments=InstagramComments(graph),
        subscriber=InstagramSubscriber(graph),
        places=InstagramPlaces(graph) if is_facebook else None,
    )


def build_webhooks(settings: InstagramSettings) -> WebhookAdapter:
    """Return what verifies and parses deliveries, also while Instagram is off."""
    app_secrets = (settings.facebook_app_secret, settings.instagram_app_secret)
    return InstagramWebhooks(
        settings.signing_secrets(),
        settings.webhook_verify_token,
        tuple(secret for secret in app_secrets if secret),
    )
