"""Settings of our apps at the platforms.

A platform with incomplete settings is switched off, which is not an error. Instagram's settings are
read and checked, but only its webhooks are received yet: it cannot be switched on.
"""

from datetime import timedelta
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from core.config.value_types import (
    AlphanumericSecret,
    Digits,
    Flag,
    GraphVersion,
    RedirectUrl,
    Seconds,
    SecretText,
    SecretTexts,
    WebUrl,
    Word,
    Words,
    WordSecret,
)
from platforms.base import PlatformApp
from platforms.secret import Secret

TIKTOK_BASE_SCOPES = ("user.info.basic", "video.upload")


class TikTokSettings(BaseModel):
    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

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


class InstagramSettings(BaseModel):
    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    login_type: Literal["facebook", "instagram"] = Field(
        default="facebook", validation_alias="INSTAGRAM_LOGIN"
    )
    facebook_app_id: Digits | None = Field(default=None, validation_alias="FACEBOOK_APP_ID")
    facebook_app_secret: AlphanumericSecret | None = Field(
        default=None, validation_alias="FACEBOOK_APP_SECRET"
    )
    instagram_app_id: Digits | None = Field(default=None, validation_alias="INSTAGRAM_APP_ID")
    instagram_app_secret: AlphanumericSecret | None = Field(
        default=None, validation_alias="INSTAGRAM_APP_SECRET"
    )
    redirect_uri: RedirectUrl | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "INSTAGRAM_REDIRECT_URI", "NEXT_PUBLIC_INSTAGRAM_REDIRECT_URI"
        ),
    )
    graph_version: GraphVersion = Field(default="v26.0", validation_alias="META_GRAPH_VERSION")
    login_config_id: Digits | None = Field(
        default=None, validation_alias="FACEBOOK_LOGIN_CONFIG_ID"
    )
    subscribe_edge: str = Field(default="auto", validation_alias="INSTAGRAM_SUBSCRIBE_EDGE")
    webhook_verify_token: SecretText | None = Field(
        default=None, validation_alias="INSTAGRAM_WEBHOOK_VERIFY_TOKEN"
    )
    webhook_secrets: SecretTexts = Field(default=(), validation_alias="INSTAGRAM_WEBHOOK_SECRET")
    deauthorize_url: WebUrl | None = Field(
        default=None, validation_alias="INSTAGRAM_DEAUTH_CALLBACK_URL"
    )
    data_deletion_url: WebUrl | None = Field(
        default=None, validation_alias="INSTAGRAM_DATA_DELETION_URL"
    )
    insights_enabled: Flag = Field(default=True, validation_alias="ENABLE_INSTAGRAM_INSIGHTS")
    meta_auth_base_url: WebUrl = Field(
        default="https://www.facebook.com", validation_alias="META_AUTH_BASE_URL"
    )
    meta_graph_base_url: WebUrl = Field(
        default="https://graph.facebook.com", validation_alias="META_GRAPH_BASE_URL"
    )
    meta_upload_base_url: WebUrl = Field(
        default="https://rupload.facebook.com", validation_alias="META_UPLOAD_BASE_URL"
    )
    auth_base_url: WebUrl = Field(
        default="https://www.instagram.com", validation_alias="INSTAGRAM_AUTH_BASE_URL"
    )
    api_base_url: WebUrl = Field(
        default="https://api.instagram.com", validation_alias="INSTAGRAM_API_BASE_URL"
    )
    graph_base_url: WebUrl = Field(
        default="https://graph.instagram.com", validation_alias="INSTAGRAM_GRAPH_BASE_URL"
    )

    def missing_names(self) -> tuple[str, ...]:
        """The settings that Instagram needs; INSTAGRAM_LOGIN decides which app's they are."""
        credentials: dict[str, object] = {
            "FACEBOOK_APP_ID": self.facebook_app_id,
            "FACEBOOK_APP_SECRET": self.facebook_app_secret,
        }
        if self.login_type == "instagram":
            credentials = {
                "INSTAGRAM_APP_ID": self.instagram_app_id,
                "INSTAGRAM_APP_SECRET": self.instagram_app_secret,
            }
        return names_without_value(
            {
                **credentials,
                "INSTAGRAM_REDIRECT_URI": self.redirect_uri,
                "INSTAGRAM_WEBHOOK_VERIFY_TOKEN": self.webhook_verify_token,
            }
        )

    def signing_secrets(self) -> tuple[Secret, ...]:
        """The secrets that may sign deliveries: as configured, or the app secret of the login."""
        if self.webhook_secrets:
            return self.webhook_secrets
        is_facebook = self.login_type == "facebook"
        app_secret = self.facebook_app_secret if is_facebook else self.instagram_app_secret
        return (app_secret,) if app_secret else ()


def names_without_value(values: dict[str, object]) -> tuple[str, ...]:
    return tuple(name for name, value in values.items() if value is None)
