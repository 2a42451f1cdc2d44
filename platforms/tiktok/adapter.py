"""Builds the TikTok adapter from the settings of the app."""

from platforms.adapter import Adapter
from platforms.base import PlatformApp, WebhookAdapter
from platforms.http import HttpClient
from platforms.tiktok.config_checks import find_config_warnings
from platforms.tiktok.display_api import TikTokInsights
from platforms.tiktok.failure_reasons import FAILURE_REASONS
from platforms.tiktok.login import TikTokLogin
from platforms.tiktok.publish import TikTokPublisher
from platforms.tiktok.settings import TikTokSettings
from platforms.tiktok.step_publisher import TikTokStepPublisher
from platforms.tiktok.webhooks import TikTokWebhooks


def build_adapter(app: PlatformApp, http: HttpClient) -> Adapter:
    return Adapter(
        name="tiktok",
        webhooks=TikTokWebhooks(app),
        flow=TikTokLogin(app, http),
        posting_options=TikTokPublisher(app, http),
        step_publisher=TikTokStepPublisher(TikTokPublisher(app, http)),
        failure_reasons=FAILURE_REASONS,
        config_warnings=find_config_warnings(app),
        insights=TikTokInsights(app, http),
    )


def build_webhooks(settings: TikTokSettings) -> WebhookAdapter | None:
    """Return what verifies and parses deliveries; None while TikTok is off."""
    app = settings.build_app()
    return None if app is None else TikTokWebhooks(app)
