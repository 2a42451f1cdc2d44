"""Instagram's settings: our apps at Meta, the login in use, limits, where Meta's servers are."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field

from platforms.app_settings import AppSettings
from platforms.base import PlatformApp
from platforms.secret import Secret
from platforms.setting_types import (
    Days,
    Digits,
    Flag,
    GraphVersion,
    Minutes,
    PositiveInt,
    Rate,
    Rates,
    RedirectUrl,
    SecretText,
    SecretTexts,
    WebUrl,
    Words,
    WordSecret,
    names_without_value,
)


class InstagramSettings(AppSettings):
    secret_patterns: ClassVar = {("EAA", "IGA", "IGQ"): r"()\b(?:EAA|IGA|IGQ)[A-Za-z0-9]{16,}"}

    login_type: Literal["facebook", "instagram"] = Field(
        default="facebook", validation_alias="INSTAGRAM_LOGIN"
    )
    facebook_app_id: Digits | None = Field(default=None, validation_alias="FACEBOOK_APP_ID")
    # Meta does not document the form of its secrets; `test_app_secret` of our vectors has `_`
    facebook_app_secret: WordSecret | None = Field(
        default=None, validation_alias="FACEBOOK_APP_SECRET"
    )
    instagram_app_id: Digits | None = Field(default=None, validation_alias="INSTAGRAM_APP_ID")
    instagram_app_secret: WordSecret | None = Field(
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

    business_management: Flag = Field(
        default=False, validation_alias="INSTAGRAM_BUSINESS_MANAGEMENT"
    )
    scopes: Words = Field(default=(), validation_alias="INSTAGRAM_SCOPES")
    refresh_window: Days = Field(
        default=timedelta(days=10), validation_alias="IG_REFRESH_WINDOW_DAYS"
    )
    media_sync_interval: Minutes = Field(
        default=timedelta(minutes=30), validation_alias="IG_MEDIA_SYNC_MINUTES"
    )
    sync_per_minute: PositiveInt = Field(default=30, validation_alias="IG_SYNC_PER_MINUTE")
    max_hashtags: PositiveInt = Field(default=30, validation_alias="IG_MAX_HASHTAGS")
    max_mentions: PositiveInt = Field(default=20, validation_alias="IG_MAX_MENTIONS")
    daily_post_limit: PositiveInt = Field(default=50, validation_alias="IG_DAILY_POST_LIMIT")
    daily_container_limit: PositiveInt = Field(
        default=400, validation_alias="IG_DAILY_CONTAINER_LIMIT"
    )
    publish_rates: Rates = Field(
        default=(Rate(10, timedelta(minutes=1)),), validation_alias="RATE_LIMIT_INSTAGRAM_PUBLISH"
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

    @property
    def app_credentials(self) -> tuple[str | None, Secret | None]:
        """Id and secret of the app that belongs to the login in use."""
        if self.login_type == "instagram":
            return self.instagram_app_id, self.instagram_app_secret
        return self.facebook_app_id, self.facebook_app_secret

    def build_app(self) -> PlatformApp | None:
        """None unless every required setting is there."""
        app_id, app_secret = self.app_credentials
        is_incomplete = app_id is None or app_secret is None or self.redirect_uri is None
        if is_incomplete or self.webhook_verify_token is None:
            return None
        return PlatformApp(
            client_key=str(app_id),
            client_secret=app_secret or Secret(""),
            redirect_uri=str(self.redirect_uri),
            scopes=self.scopes,
            webhook_secrets=self.signing_secrets(),
            base_urls={
                "meta_auth": self.meta_auth_base_url,
                "meta_graph": self.meta_graph_base_url,
                "meta_upload": self.meta_upload_base_url,
                "instagram_auth": self.auth_base_url,
                "instagram_api": self.api_base_url,
                "instagram_graph": self.graph_base_url,
            },
            extra={
                "login": self.login_type,
                "graph_version": self.graph_version,
                "config_id": self.login_config_id,
                "subscribe_edge": self.subscribe_edge,
                "business_management": self.business_management,
                "verify_token": self.webhook_verify_token,
                "refresh_window": self.refresh_window,
                "max_hashtags": self.max_hashtags,
                "max_mentions": self.max_mentions,
            },
        )

    def signing_secrets(self) -> tuple[Secret, ...]:
        """The secrets that may sign deliveries: as configured, or the app secret of the login."""
        if self.webhook_secrets:
            return self.webhook_secrets
        is_facebook = self.login_type == "facebook"
        app_secret = self.facebook_app_secret if is_facebook else self.instagram_app_secret
        return (app_secret,) if app_secret else ()
