"""Settings of the sandbox that can be changed while it runs; defaults are TikTok's figures.

Source: TikTok, oauth-refresh-a-user-access-token (2026-11-02), content-posting-api-reference-*
(2026-09-11), tiktok-api-v2-rate-limit. What these pages leave open is a setting here.
"""

from dataclasses import dataclass

PUBLIC_TO_EVERYONE = "PUBLIC_TO_EVERYONE"


@dataclass(frozen=True)
class TokenLifetimes:
    """Lifetimes in seconds.

    `restarts_on_refresh`: whether a new refresh token gets the full lifetime or what remains.
    """

    access: float
    refresh: float
    restarts_on_refresh: bool


LIFETIME_PROFILES = {
    "current": TokenLifetimes(7_200, 15_552_000, restarts_on_refresh=True),
    # from older pages, which do not say whether the lifetime restarts
    "older": TokenLifetimes(86_400, 31_536_000, restarts_on_refresh=False),
}
RESTART_CHOICES = {"always": True, "never": False}


@dataclass(frozen=True)
class SandboxSettings:
    """Durations in seconds of the sandbox's clock; limits per minute and access token."""

    # the app's registration
    app_scopes: str = (
        "user.info.basic,user.info.profile,user.info.stats,video.list,video.upload,video.publish"
    )
    desktop: bool = False  # PKCE is required
    sandbox_app: bool = False  # only target users may connect
    audited: bool = True
    verified_urls: str = ""  # comma list of domains and https prefixes
    webhook_url: str = ""

    # Login Kit
    profile: str = "current"
    access_seconds: float = 0.0  # 0: the profile's
    refresh_seconds: float = 0.0  # 0: the profile's
    lenient_refresh: bool = False  # older profile: a used refresh token keeps working
    refresh_restarts: str = ""  # full lifetime after a refresh: always, never, "": the profile's
    refresh_ends_access: bool = False  # not documented
    strict_verifier: bool = False  # at least 43 characters; TikTok's own SDK sends fewer
    oauth_status: int = 200  # observed; other reports have 400 or 401
    code_seconds: float = 300.0  # not documented
    auto_consent: str = ""  # open_id of a creator who is signed in and has consented before

    # Content Posting API
    init_per_minute: int = 6
    creator_per_minute: int = 20
    status_per_minute: int = 30
    display_per_minute: int = 600
    counters_seconds: float = 5.0  # a newer video has no counts yet, as was observed
    views_per_hour: float = 3_600.0  # of each public video; other counts are shares of the views
    pending_limit: int = 5
    direct_daily: int = 15
    unaudited_users: int = 5
    active_user_cap: int = 0  # of an audited app; 0: none
    lenient_chunks: bool = False  # 64 MiB instead of 64 MB, as accepted until August 2026
    upload_seconds: float = 3_600.0
    processing_seconds: float = 1.0
    moderation_seconds: float = 1.0
    download_seconds: float = 1.0  # duration of a pull; it fails if this is more than an hour
    loopback_pulls: bool = True  # http and 127.0.0.1 count as a verified URL
    strict_media: bool = True  # inspect videos; otherwise only their first bytes are checked
    lag_seconds: float = 0.0  # time during which the status endpoint does not know a new post
    fail_reason: str = ""  # every post fails with it
    stuck: bool = False  # no post ever leaves PROCESSING_*

    # deliveries
    redelivery_seconds: float = 1.0
    delivery_timeout: float = 5.0
    keep_t: bool = False  # sign repeated attempts with the time of the event

    @property
    def lifetimes(self) -> TokenLifetimes:
        profile = LIFETIME_PROFILES[self.profile]
        return TokenLifetimes(
            self.access_seconds or profile.access,
            self.refresh_seconds or profile.refresh,
            RESTART_CHOICES.get(self.refresh_restarts, profile.restarts_on_refresh),
        )
