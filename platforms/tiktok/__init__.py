"""TikTok, put together. Must not be imported by anything but the registry."""

from platforms.base import App, Platform
from platforms.http import Http
from platforms.tiktok.display import TikTokDisplay
from platforms.tiktok.oauth import TikTokOAuth
from platforms.tiktok.publish import TikTokPublisher
from platforms.tiktok.reasons import REASONS
from platforms.tiktok.registration import doubts
from platforms.tiktok.webhooks import TikTokWebhooks


def build(app: App, http: Http) -> Platform:
    return Platform(
        name="tiktok",
        webhooks=TikTokWebhooks(app),
        oauth=TikTokOAuth(app, http),
        publisher=TikTokPublisher(app, http),
        reasons=REASONS,
        doubts=doubts(app),
        insights=TikTokDisplay(app, http),
    )
