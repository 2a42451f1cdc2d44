"""Our registrations at the platforms, as settings give them. Incomplete ones are off, not faulty.

Must not build adapters. Instagram's names are read and checked; only its deliveries are taken yet.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.config.environment import setting
from core.config.formats import (
    flag,
    lasting,
    like,
    one_of,
    redirect_url,
    secret,
    secrets,
    several,
    text,
    web_url,
)
from platforms.base import App
from platforms.secret import Secret

WORD = like(r"[A-Za-z0-9_-]+", "letters, digits, _ and -")
DIGITS = like(r"\d+", "digits only")
ALPHANUMERIC = like(r"[A-Za-z0-9]+", "letters and digits only")
BASE_SCOPES = ("user.info.basic", "video.upload")


def hidden(value: str) -> Secret:
    return Secret(WORD(value))


def hidden_alphanumeric(value: str) -> Secret:
    return Secret(ALPHANUMERIC(value))


@dataclass(frozen=True, kw_only=True)
class TikTok:
    client_key: str | None = setting("TIKTOK_CLIENT_KEY", WORD, default=None)
    client_secret: Secret | None = setting("TIKTOK_CLIENT_SECRET", hidden, default=None)
    redirect_uri: str | None = setting(
        "TIKTOK_REDIRECT_URI",
        redirect_url,
        default=None,
        also=("NEXT_PUBLIC_TIKTOK_REDIRECT_URI",),
    )
    scopes: tuple[str, ...] = setting("TIKTOK_SCOPES", several, default=())
    sandbox_mode: bool = setting("TIKTOK_SANDBOX_MODE", flag, default=False)
    app_audited: bool = setting("TIKTOK_APP_AUDITED", flag, default=False)
    pkce: bool = setting("TIKTOK_PKCE", flag, default=False)
    verified_urls: tuple[str, ...] = setting("TIKTOK_VERIFIED_URLS", several, default=())
    check_urls: str = setting("TIKTOK_CHECK_URLS", one_of("auto", "on", "off"), default="auto")
    webhook_secrets: tuple[Secret, ...] = setting("TIKTOK_WEBHOOK_SECRET", secrets, default=())
    compat: bool = setting("TIKTOK_WEBHOOK_COMPAT", flag, default=False)
    tolerance: timedelta = setting(
        "TIKTOK_WEBHOOK_TOLERANCE", lasting("seconds"), default=timedelta(seconds=300)
    )
    late_policy: str = setting(
        "TIKTOK_WEBHOOK_LATE_POLICY", one_of("accept", "reject"), default="accept"
    )
    insights: bool = setting("ENABLE_TIKTOK_INSIGHTS", flag, default=False)
    auth_base: str = setting("TIKTOK_AUTH_BASE_URL", web_url, default="https://www.tiktok.com")
    api_base: str = setting("TIKTOK_API_BASE_URL", web_url, default="https://open.tiktokapis.com")


@dataclass(frozen=True, kw_only=True)
class Instagram:
    login: str = setting("INSTAGRAM_LOGIN", one_of("facebook", "instagram"), default="facebook")
    facebook_app_id: str | None = setting("FACEBOOK_APP_ID", DIGITS, default=None)
    facebook_app_secret: Secret | None = setting(
        "FACEBOOK_APP_SECRET", hidden_alphanumeric, default=None
    )
    instagram_app_id: str | None = setting("INSTAGRAM_APP_ID", DIGITS, default=None)
    instagram_app_secret: Secret | None = setting(
        "INSTAGRAM_APP_SECRET", hidden_alphanumeric, default=None
    )
    redirect_uri: str | None = setting(
        "INSTAGRAM_REDIRECT_URI",
        redirect_url,
        default=None,
        also=("NEXT_PUBLIC_INSTAGRAM_REDIRECT_URI",),
    )
    graph_version: str = setting(
        "META_GRAPH_VERSION", like(r"v\d+\.\d+", "a version such as v26.0"), default="v26.0"
    )
    login_config: str | None = setting("FACEBOOK_LOGIN_CONFIG_ID", DIGITS, default=None)
    subscribe_edge: str = setting("INSTAGRAM_SUBSCRIBE_EDGE", text, default="auto")
    verify_token: Secret | None = setting("INSTAGRAM_WEBHOOK_VERIFY_TOKEN", secret, default=None)
    webhook_secrets: tuple[Secret, ...] = setting("INSTAGRAM_WEBHOOK_SECRET", secrets, default=())
    deauthorize_url: str | None = setting("INSTAGRAM_DEAUTH_CALLBACK_URL", web_url, default=None)
    deletion_url: str | None = setting("INSTAGRAM_DATA_DELETION_URL", web_url, default=None)
    insights: bool = setting("ENABLE_INSTAGRAM_INSIGHTS", flag, default=True)
    meta_auth_base: str = setting("META_AUTH_BASE_URL", web_url, default="https://www.facebook.com")
    meta_graph_base: str = setting(
        "META_GRAPH_BASE_URL", web_url, default="https://graph.facebook.com"
    )
    meta_upload_base: str = setting(
        "META_UPLOAD_BASE_URL", web_url, default="https://rupload.facebook.com"
    )
    auth_base: str = setting(
        "INSTAGRAM_AUTH_BASE_URL", web_url, default="https://www.instagram.com"
    )
    api_base: str = setting("INSTAGRAM_API_BASE_URL", web_url, default="https://api.instagram.com")
    graph_base: str = setting(
        "INSTAGRAM_GRAPH_BASE_URL", web_url, default="https://graph.instagram.com"
    )


CREDENTIALS = {
    "facebook": ("FACEBOOK_APP_ID", "FACEBOOK_APP_SECRET"),
    "instagram": ("INSTAGRAM_APP_ID", "INSTAGRAM_APP_SECRET"),
}


def needed(instagram: Instagram) -> dict[str, tuple[str, ...]]:
    """Platform → the names it cannot be switched on without."""
    tiktok = ("TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI")
    own = ("INSTAGRAM_REDIRECT_URI", "INSTAGRAM_WEBHOOK_VERIFY_TOKEN")
    return {"tiktok": tiktok, "instagram": CREDENTIALS[instagram.login] + own}


def instagram_secrets(instagram: Instagram) -> tuple[Secret, ...]:
    """What deliveries are signed with: as set, or the app secret of the chosen login."""
    own = {"facebook": instagram.facebook_app_secret, "instagram": instagram.instagram_app_secret}
    secret = own[instagram.login]
    return instagram.webhook_secrets or ((secret,) if secret else ())


def tiktok_app(tiktok: TikTok) -> App | None:
    """None unless everything that TikTok needs is there."""
    key, hidden_key, back = tiktok.client_key, tiktok.client_secret, tiktok.redirect_uri
    if key is None or hidden_key is None or back is None:
        return None
    analytics = ("video.list",) if tiktok.insights else ()
    return App(
        client_key=key,
        client_secret=hidden_key,
        redirect_uri=back,
        scopes=tiktok.scopes or (*BASE_SCOPES, *analytics),
        webhook_secrets=tiktok.webhook_secrets or (hidden_key,),
        bases={"auth": tiktok.auth_base, "api": tiktok.api_base},
        webhook_tolerance=tiktok.tolerance,
        refuses_late=tiktok.late_policy == "reject",
        compat=tiktok.compat,
        pkce=tiktok.pkce,
        sandbox=tiktok.sandbox_mode,
    )
