"""What can be set while it runs, with TikTok's own figures as defaults. Must not know its users.

Source: TikTok, oauth-refresh-a-user-access-token (2026-11-02), content-posting-api-reference-*
(2026-09-11), tiktok-api-v2-rate-limit; what the pages leave open is a switch here.
"""

from dataclasses import dataclass

DAY_SECONDS = 86_400.0
PUBLIC_TO_EVERYONE = "PUBLIC_TO_EVERYONE"


@dataclass(frozen=True)
class TokenLifetimes:
    """Seconds. `restarts`: whether a refresh gives the refresh token its full life again."""

    access: float
    refresh: float
    restarts_on_refresh: bool


LIFETIME_PROFILES = {
    "current": TokenLifetimes(7_200, 15_552_000, restarts_on_refresh=True),
    "older": TokenLifetimes(
        86_400, 31_536_000, restarts_on_refresh=False
    ),  # older pages; restarting is unclear
}


RESTART_CHOICES = {"always": True, "never": False}


@dataclass(frozen=True)
class SandboxSettings:
    """Durations in seconds of the sandbox's clock; limits per minute and access token."""

    # the app's registration
    app_scopes: str = (
        "user.info.basic,user.info.profile,user.info.stats,video.list,video.upload,video.publish"
    )
    desktop: bool = False  # PKCE is demanded
    sandbox_app: bool = False  # only target users may connect
    audited: bool = True
    verified_urls: str = ""  # comma list of domains and https prefixes
    webhook_url: str = ""

    # Login Kit
    profile: str = "current"
    access_seconds: float = 0.0  # 0: as the profile says
    refresh_seconds: float = 0.0
    lenient_refresh: bool = False  # older profile: a used refresh token goes on working
    refresh_restarts: str = ""  # a full life after each refresh: always, never, "": by the profile
    refresh_ends_access: bool = False  # not documented
    strict_verifier: bool = False  # 43 characters at least, which TikTok's own SDK does not keep
    oauth_status: int = 200  # observed; others expect 400 or 401
    code_seconds: float = 300.0  # not documented
    auto_consent: str = ""  # open_id of a creator who is signed in and has consented before

    # Content Posting API
    init_per_minute: int = 6
    creator_per_minute: int = 20
    status_per_minute: int = 30
    display_per_minute: int = 600
    counters_seconds: float = 5.0  # a younger video has no counters yet, as was observed
    views_per_hour: float = 3_600.0  # of each public video; everything else follows from it
    pending_limit: int = 5
    direct_daily: int = 15
    unaudited_users: int = 5
    active_user_cap: int = 0  # of an audited app; 0: none
    lenient_chunks: bool = False  # 64 MiB instead of 64 MB, as was taken until August 2026
    upload_seconds: float = 3_600.0
    processing_seconds: float = 1.0
    moderation_seconds: float = 1.0
    download_seconds: float = 1.0  # before a pull is done; more than an hour fails it
    loopback_pulls: bool = True  # http and 127.0.0.1 count as a verified address
    strict_media: bool = True  # films are really looked into; else how they begin is enough
    lag_seconds: float = 0.0  # status does not know a new publish_id yet
    fail_reason: str = ""  # every post fails with it
    stuck: bool = False  # nothing ever leaves PROCESSING_*

    # deliveries
    redelivery_seconds: float = 1.0
    delivery_timeout: float = 5.0
    keep_t: bool = False

    @property
    def lifetimes(self) -> TokenLifetimes:
        profile = LIFETIME_PROFILES[self.profile]
        return TokenLifetimes(
            self.access_seconds or profile.access,
            self.refresh_seconds or profile.refresh,
            RESTART_CHOICES.get(self.refresh_restarts, profile.restarts_on_refresh),
        )
