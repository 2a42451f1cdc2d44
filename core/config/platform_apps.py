"""Our registrations at the platforms, as settings give them. Incomplete ones are off, not faulty.

Must not build adapters. Instagram's names are read and checked; only its deliveries are taken yet.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.config.environment import setting
from core.config.parsers import (
    duration_in,
    one_of,
    parse_flag,
    parse_redirect_url,
    parse_secret,
    parse_secrets,
    parse_text,
    parse_web_url,
    parse_words,
    text_matching,
)
from platforms.base import PlatformApp
from platforms.secret import Secret

parse_word = text_matching(r"[A-Za-z0-9_-]+", "letters, digits, _ and -")
parse_digits = text_matching(r"\d+", "digits only")
parse_alphanumeric = text_matching(r"[A-Za-z0-9]+", "letters and digits only")
TIKTOK_BASE_SCOPES = ("user.info.basic", "video.upload")


def parse_word_secret(value: str) -> Secret:
    return Secret(parse_word(value))


def parse_alphanumeric_secret(value: str) -> Secret:
    return Secret(parse_alphanumeric(value))


@dataclass(frozen=True, kw_only=True)
class TikTokSettings:
    client_key: str | None = setting("TIKTOK_CLIENT_KEY", parse_word, default=None)
    client_secret: Secret | None = setting("TIKTOK_CLIENT_SECRET", parse_word_secret, default=None)
    redirect_uri: str | None = setting(
        "TIKTOK_REDIRECT_URI",
        parse_redirect_url,
        default=None,
        aliases=("NEXT_PUBLIC_TIKTOK_REDIRECT_URI",),
    )
    scopes: tuple[str, ...] = setting("TIKTOK_SCOPES", parse_words, default=())
    sandbox_mode: bool = setting("TIKTOK_SANDBOX_MODE", parse_flag, default=False)
    app_audited: bool = setting("TIKTOK_APP_AUDITED", parse_flag, default=False)
    pkce: bool = setting("TIKTOK_PKCE", parse_flag, default=False)
    verified_urls: tuple[str, ...] = setting("TIKTOK_VERIFIED_URLS", parse_words, default=())
    check_urls: str = setting("TIKTOK_CHECK_URLS", one_of("auto", "on", "off"), default="auto")
    webhook_secrets: tuple[Secret, ...] = setting(
        "TIKTOK_WEBHOOK_SECRET", parse_secrets, default=()
    )
    webhook_compat: bool = setting("TIKTOK_WEBHOOK_COMPAT", parse_flag, default=False)
    webhook_tolerance: timedelta = setting(
        "TIKTOK_WEBHOOK_TOLERANCE", duration_in("seconds"), default=timedelta(seconds=300)
    )
    webhook_late_policy: str = setting(
        "TIKTOK_WEBHOOK_LATE_POLICY", one_of("accept", "reject"), default="accept"
    )
    insights_enabled: bool = setting("ENABLE_TIKTOK_INSIGHTS", parse_flag, default=False)
    auth_base_url: str = setting(
        "TIKTOK_AUTH_BASE_URL", parse_web_url, default="https://www.tiktok.com"
    )
    api_base_url: str = setting(
        "TIKTOK_API_BASE_URL", parse_web_url, default="https://open.tiktokapis.com"
    )


@dataclass(frozen=True, kw_only=True)
class InstagramSettings:
    login_type: str = setting(
        "INSTAGRAM_LOGIN", one_of("facebook", "instagram"), default="facebook"
    )
    facebook_app_id: str | None = setting("FACEBOOK_APP_ID", parse_digits, default=None)
    facebook_app_secret: Secret | None = setting(
        "FACEBOOK_APP_SECRET", parse_alphanumeric_secret, default=None
    )
    instagram_app_id: str | None = setting("INSTAGRAM_APP_ID", parse_digits, default=None)
    instagram_app_secret: Secret | None = setting(
        "INSTAGRAM_APP_SECRET", parse_alphanumeric_secret, default=None
    )
    redirect_uri: str | None = setting(
        "INSTAGRAM_REDIRECT_URI",
        parse_redirect_url,
        default=None,
        aliases=("NEXT_PUBLIC_INSTAGRAM_REDIRECT_URI",),
    )
    graph_version: str = setting(
        "META_GRAPH_VERSION",
        text_matching(r"v\d+\.\d+", "a version such as v26.0"),
        default="v26.0",
    )
    login_config_id: str | None = setting("FACEBOOK_LOGIN_CONFIG_ID", parse_digits, default=None)
    subscribe_edge: str = setting("INSTAGRAM_SUBSCRIBE_EDGE", parse_text, default="auto")
    webhook_verify_token: Secret | None = setting(
        "INSTAGRAM_WEBHOOK_VERIFY_TOKEN", parse_secret, default=None
    )
    webhook_secrets: tuple[Secret, ...] = setting(
        "INSTAGRAM_WEBHOOK_SECRET", parse_secrets, default=()
    )
    deauthorize_url: str | None = setting(
        "INSTAGRAM_DEAUTH_CALLBACK_URL", parse_web_url, default=None
    )
    data_deletion_url: str | None = setting(
        "INSTAGRAM_DATA_DELETION_URL", parse_web_url, default=None
    )
    insights_enabled: bool = setting("ENABLE_INSTAGRAM_INSIGHTS", parse_flag, default=True)
    meta_auth_base_url: str = setting(
        "META_AUTH_BASE_URL", parse_web_url, default="https://www.facebook.com"
    )
    meta_graph_base_url: str = setting(
        "META_GRAPH_BASE_URL", parse_web_url, default="https://graph.facebook.com"
    )
    meta_upload_base_url: str = setting(
        "META_UPLOAD_BASE_URL", parse_web_url, default="https://rupload.facebook.com"
    )
    auth_base_url: str = setting(
        "INSTAGRAM_AUTH_BASE_URL", parse_web_url, default="https://www.instagram.com"
    )
    api_base_url: str = setting(
        "INSTAGRAM_API_BASE_URL", parse_web_url, default="https://api.instagram.com"
    )
    graph_base_url: str = setting(
        "INSTAGRAM_GRAPH_BASE_URL", parse_web_url, default="https://graph.instagram.com"
    )


LOGIN_CREDENTIAL_NAMES = {
    "facebook": ("FACEBOOK_APP_ID", "FACEBOOK_APP_SECRET"),
    "instagram": ("INSTAGRAM_APP_ID", "INSTAGRAM_APP_SECRET"),
}


def required_setting_names(instagram: InstagramSettings) -> dict[str, tuple[str, ...]]:
    """Platform → the names it cannot be switched on without."""
    tiktok = ("TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI")
    instagram_common = ("INSTAGRAM_REDIRECT_URI", "INSTAGRAM_WEBHOOK_VERIFY_TOKEN")
    return {
        "tiktok": tiktok,
        "instagram": LOGIN_CREDENTIAL_NAMES[instagram.login_type] + instagram_common,
    }


def instagram_webhook_secrets(instagram: InstagramSettings) -> tuple[Secret, ...]:
    """What deliveries are signed with: as set, or the app secret of the chosen login."""
    app_secrets = {
        "facebook": instagram.facebook_app_secret,
        "instagram": instagram.instagram_app_secret,
    }
    secret = app_secrets[instagram.login_type]
    return instagram.webhook_secrets or ((secret,) if secret else ())


def build_tiktok_app(tiktok: TikTokSettings) -> PlatformApp | None:
    """None unless everything that TikTok needs is there."""
    client_key, client_secret, redirect_uri = (
        tiktok.client_key,
        tiktok.client_secret,
        tiktok.redirect_uri,
    )
    if client_key is None or client_secret is None or redirect_uri is None:
        return None
    insight_scopes = ("video.list",) if tiktok.insights_enabled else ()
    return PlatformApp(
        client_key=client_key,
        client_secret=client_secret,
        redirect_uri=redirect_uri,
        scopes=tiktok.scopes or (*TIKTOK_BASE_SCOPES, *insight_scopes),
        webhook_secrets=tiktok.webhook_secrets or (client_secret,),
        base_urls={"auth": tiktok.auth_base_url, "api": tiktok.api_base_url},
        webhook_tolerance=tiktok.webhook_tolerance,
        reject_late=tiktok.webhook_late_policy == "reject",
        legacy_webhooks=tiktok.webhook_compat,
        pkce=tiktok.pkce,
        is_sandbox=tiktok.sandbox_mode,
    )
