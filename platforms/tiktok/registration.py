"""What TikTok would not take of our registration, seen before a user meets it. Pure.

A wrong key, redirect address or scope makes TikTok show a page of its own, from which nobody comes
back. Source: TikTok, login-kit-web, scopes-overview and add-a-sandbox, read 2026-11-22.
"""

from platforms.base import App

SCOPES = frozenset(
    {
        "user.info.basic",
        "user.info.profile",
        "user.info.stats",
        "video.list",
        "video.upload",
        "video.publish",
    }
)
PROFILE = "user.info.basic"
SANDBOX = "sb"  # keys of sandboxes begin so; observed, not documented


def doubts(app: App) -> tuple[str, ...]:
    """In sentences for the operator; empty if nothing looks wrong from here."""
    strange = [scope for scope in app.scopes if scope not in SCOPES]
    is_sandbox = app.client_key.startswith(SANDBOX)
    found = {
        f"TIKTOK_SCOPES names what TikTok does not know: {', '.join(strange)}": bool(strange),
        f"TIKTOK_SCOPES lacks {PROFILE}: accounts stay without a name": PROFILE not in app.scopes,
        "TIKTOK_CLIENT_KEY is a sandbox's, TIKTOK_SANDBOX_MODE is off": is_sandbox > app.sandbox,
        "TIKTOK_SANDBOX_MODE is on, TIKTOK_CLIENT_KEY is no sandbox's": is_sandbox < app.sandbox,
    }
    return tuple(sentence for sentence, holds in found.items() if holds)
