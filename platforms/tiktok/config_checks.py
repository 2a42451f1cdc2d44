"""What TikTok would not take of our registration, seen before a user meets it. Pure.

A wrong key, redirect address or scope makes TikTok show a page of its own, from which nobody comes
back. Source: TikTok, login-kit-web, scopes-overview and add-a-sandbox, read 2026-11-22.
"""

from platforms.base import PlatformApp

KNOWN_SCOPES = frozenset(
    {
        "user.info.basic",
        "user.info.profile",
        "user.info.stats",
        "video.list",
        "video.upload",
        "video.publish",
    }
)
PROFILE_SCOPE = "user.info.basic"
SANDBOX_KEY_PREFIX = "sb"  # keys of sandboxes begin so; observed, not documented


def find_config_warnings(app: PlatformApp) -> tuple[str, ...]:
    """In sentences for the operator; empty if nothing looks wrong from here."""
    unknown = [scope for scope in app.scopes if scope not in KNOWN_SCOPES]
    has_sandbox_key = app.client_key.startswith(SANDBOX_KEY_PREFIX)
    warnings = {
        f"TIKTOK_SCOPES names what TikTok does not know: {', '.join(unknown)}": bool(unknown),
        f"TIKTOK_SCOPES lacks {PROFILE_SCOPE}: accounts stay without a name": PROFILE_SCOPE
        not in app.scopes,
        "TIKTOK_CLIENT_KEY is a sandbox's, TIKTOK_SANDBOX_MODE is off": has_sandbox_key
        > app.is_sandbox,
        "TIKTOK_SANDBOX_MODE is on, TIKTOK_CLIENT_KEY is no sandbox's": has_sandbox_key
        < app.is_sandbox,
    }
    return tuple(sentence for sentence, applies in warnings.items() if applies)
