"""Checks our registration at TikTok before a user meets the error.

With a wrong key, redirect URI or scope TikTok shows its own error page and does not redirect back.
Source: TikTok, login-kit-web, scopes-overview and add-a-sandbox, read 2026-11-22.
"""

from platforms.base import PlatformApp
from platforms.tiktok.login import PROFILE_SCOPE

KNOWN_SCOPES = frozenset(
    {
        PROFILE_SCOPE,
        "user.info.profile",
        "user.info.stats",
        "video.list",
        "video.upload",
        "video.publish",
    }
)
SANDBOX_KEY_PREFIX = "sb"  # of a sandbox app's client key; observed, not documented


def find_config_warnings(app: PlatformApp) -> tuple[str, ...]:
    """Return sentences for the operator; empty if the settings look right."""
    warnings = []
    unknown_scopes = [scope for scope in app.scopes if scope not in KNOWN_SCOPES]
    if unknown_scopes:
        warnings.append(
            f"TIKTOK_SCOPES contains scopes that TikTok does not have: {', '.join(unknown_scopes)}"
        )
    if PROFILE_SCOPE not in app.scopes:
        warnings.append(f"TIKTOK_SCOPES lacks {PROFILE_SCOPE}: accounts will have no name")
    has_sandbox_key = app.client_key.startswith(SANDBOX_KEY_PREFIX)
    if has_sandbox_key and not app.is_sandbox:
        warnings.append("TIKTOK_CLIENT_KEY is a sandbox key, but TIKTOK_SANDBOX_MODE is off")
    if app.is_sandbox and not has_sandbox_key:
        warnings.append("TIKTOK_SANDBOX_MODE is on, but TIKTOK_CLIENT_KEY is not a sandbox key")
    if app.legacy_webhooks:
        warnings.append(
            "TIKTOK_WEBHOOK_COMPAT is on: it accepts deliveries of a format that TikTok never sent,"
            " and whose signatures have no time; it is for tests"
        )
    return tuple(warnings)
