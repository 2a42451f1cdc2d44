"""The TikTok adapter: builds its `Platform` from the app's settings."""

from platforms.base import Platform, PlatformApp
from platforms.http import HttpClient
from platforms.tiktok.config_checks import find_config_warnings
from platforms.tiktok.display_api import TikTokInsights
from platforms.tiktok.failure_reasons import FAILURE_REASONS
from platforms.tiktok.oauth import TikTokOAuth
from platforms.tiktok.publish import TikTokPublisher
from platforms.tiktok.webhooks import TikTokWebhooks


def build_platform(app: PlatformApp, http: HttpClient) -> Platform:
    return Platform(
        name="tiktok",
        webhooks=TikTokWebhooks(app),
        oauth=TikTokOAuth(app, http),
        publisher=TikTokPublisher(app, http),
        failure_reasons=FAILURE_REASONS,
        config_warnings=find_config_warnings(app),
        insights=TikTokInsights(app, http),
    )
