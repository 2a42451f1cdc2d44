"""TikTok's settings: our app there, its limits, where its servers are."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field

from platforms.app_settings import AppSettings
from platforms.base import PlatformApp
from platforms.setting_types import (
    Flag,
    PositiveInt,
    RedirectUrl,
    Seconds,
    SecretTexts,
    WebUrl,
    Word,
    Words,
    WordSecret,
    names_without_value,
)

TIKTOK_BASE_SCOPES = ("user.info.basic", "video.upload")


class TikTokSettings(AppSettings):
    secret_patterns: ClassVar = {("act.", "rft.", "clt."): r"()\b(?:act|rft|clt)\.[\w.!*~-]{6,}"}

    client_key: Word | None = Field(default=None, validation_alias="TIKTOK_CLIENT_KEY")
    client_secret: WordSecret | None = Field(default=None, validation_alias="TIKTOK_CLIENT_SECRET")
    redirect_uri: RedirectUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("TIKTOK_REDIRECT_URI", "NEXT_PUBLIC_TIKTOK_REDIRECT_URI"),
    )
    scopes: Words = Field(default=(), validation_alias="TIKTOK_SCOPES")
    sandbox_mode: Flag = Field(default=False, validation_alias="TIKTOK_SANDBOX_MODE")
    app_audited: Flag = Field(default=False, validation_alias="TIKTOK_APP_AUDITED")
    pkce: Flag = Field(default=False, validation_alias="TIKTOK_PKCE")
    verified_urls: Words = Field(default=(), validation_alias="TIKTOK_VERIFIED_URLS")
    check_urls: Literal["auto", "on", "off"] = Field(
        default="auto", validation_alias="TIKTOK_CHECK_URLS"
    )
    webhook_secrets: SecretTexts = Field(default=(), validation_alias="TIKTOK_WEBHOOK_SECRET")
    webhook_compat: Flag = Field(default=False, validation_alias="TIKTOK_WEBHOOK_COMPAT")
    webhook_tolerance: Seconds = Field(
        default=timedelta(seconds=300), validation_alias="TIKTOK_WEBHOOK_TOLERANCE"
    )
    webhook_late_policy: Literal["accept", "reject"] = Field(
        default="accept", validation_alias="TIKTOK_WEBHOOK_LATE_POLICY"
    )
    insights_enabled: Flag = Field(default=False, validation_alias="ENABLE_TIKTOK_INSIGHTS")
    auth_base_url: WebUrl = Field(
        default="https://www.tiktok.com", validation_alias="TIKTOK_AUTH_BASE_URL"
    )
    api_base_url: WebUrl = Field(
        default="https://open.tiktokapis.com", validation_alias="TIKTOK_API_BASE_URL"
    )

    init_per_minute: PositiveInt = Field(default=6, validation_alias="TIKTOK_INIT_PER_MINUTE")
    status_per_minute: PositiveInt = Field(default=30, validation_alias="TIKTOK_STATUS_PER_MINUTE")
    creator_per_minute: PositiveInt = Field(
        default=20, validation_alias="TIKTOK_CREATOR_PER_MINUTE"
    )
    reads_per_minute: PositiveInt = Field(default=600, validation_alias="TIKTOK_READS_PER_MINUTE")
    pending_limit: PositiveInt = Field(default=5, validation_alias="TIKTOK_PENDING_LIMIT")
    direct_daily_limit: PositiveInt = Field(
        default=15, validation_alias="TIKTOK_DIRECT_DAILY_LIMIT"
    )
    max_video_bytes: PositiveInt = Field(
        default=4_000_000_000, validation_alias="TIKTOK_MAX_VIDEO_BYTES"
    )

    @property
    def should_check_urls(self) -> bool:
        """`auto` means only if TikTok itself is called.

        A server in TikTok's place may fetch from a network that we cannot reach.
        """
        is_real_tiktok = self.api_base_url == type(self)().api_base_url
        return self.check_urls == "on" or (self.check_urls == "auto" and is_real_tiktok)

    def missing_names(self) -> tuple[str, ...]:
        """The settings without which TikTok is switched off."""
        return names_without_value(
            {
                "TIKTOK_CLIENT_KEY": self.client_key,
                "TIKTOK_CLIENT_SECRET": self.client_secret,
                "TIKTOK_REDIRECT_URI": self.redirect_uri,
            }
        )

    def build_app(self) -> PlatformApp | None:
        """None unless every required setting is there."""
        if self.client_key is None or self.client_secret is None or self.redirect_uri is None:
            return None
        insight_scopes = ("video.list",) if self.insights_enabled else ()
        return PlatformApp(
            client_key=self.client_key,
            client_secret=self.client_secret,
            redirect_uri=self.redirect_uri,
            scopes=self.scopes or (*TIKTOK_BASE_SCOPES, *insight_scopes),
            webhook_secrets=self.webhook_secrets or (self.client_secret,),
            base_urls={"auth": self.auth_base_url, "api": self.api_base_url},
            webhook_tolerance=self.webhook_tolerance,
            reject_late=self.webhook_late_policy == "reject",
            legacy_webhooks=self.webhook_compat,
            pkce=self.pkce,
            is_sandbox=self.sandbox_mode,
        )
