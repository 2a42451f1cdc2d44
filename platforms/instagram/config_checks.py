"""Checks our registration and callbacks at Meta, and the end of the Graph API version in use.

Source: Meta, Graph API changelog (updated 2026-10-29) and the blog on v27.0 of 2026-11-04, read
2026-11-22.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from platforms.instagram.permissions import FLOWS
from platforms.instagram.settings import InstagramSettings

VERSION_ENDS: Mapping[str, datetime | None] = {
    "v19.0": datetime(2026, 5, 21, tzinfo=UTC),
    "v20.0": datetime(2026, 9, 24, tzinfo=UTC),
    "v21.0": datetime(2027, 1, 21, tzinfo=UTC),
    "v22.0": datetime(2027, 5, 20, tzinfo=UTC),
    "v23.0": datetime(2027, 10, 8, tzinfo=UTC),
    "v24.0": datetime(2028, 2, 18, tzinfo=UTC),
    "v25.0": datetime(2028, 7, 29, tzinfo=UTC),
    "v26.0": None,
    "v27.0": None,
}
"""Version → until when Meta answers it; None: not decided yet. Older ones have ended."""

WARNING_PERIOD = timedelta(days=90)


CALLBACK_PATHS = {
    "INSTAGRAM_DEAUTH_CALLBACK_URL": "/api/webhooks/instagram/deauthorize",
    "INSTAGRAM_DATA_DELETION_URL": "/api/webhooks/instagram/data-deletion",
}
"""Setting with the URL as it was entered at Meta → path under which we receive the callback."""


def find_config_warnings(
    settings: InstagramSettings, now: datetime, public_url: str
) -> tuple[str, ...]:
    """Return sentences for the operator; empty if the settings look right."""
    warnings = [find_version_warning(settings.graph_version, now)]
    rules = FLOWS[settings.login_type]
    missing = sorted(rules.required_scopes.difference(settings.scopes))
    if settings.scopes and missing:
        warnings.append(
            f"INSTAGRAM_SCOPES lacks {', '.join(missing)}: no account can be connected without it"
        )
    warnings += find_callback_warnings(settings, public_url)
    return tuple(filter(None, warnings))


def find_callback_warnings(settings: InstagramSettings, public_url: str) -> list[str]:
    """Return a sentence for each URL that Meta would call and we do not serve; unset ones are
    not compared.
    """
    entered = {
        "INSTAGRAM_DEAUTH_CALLBACK_URL": settings.deauthorize_url,
        "INSTAGRAM_DATA_DELETION_URL": settings.data_deletion_url,
    }
    served = {name: public_url.rstrip("/") + path for name, path in CALLBACK_PATHS.items()}
    return [
        f"{name} is not an address of this installation: enter {served[name]} at Meta"
        for name, url in entered.items()
        if url is not None and url.rstrip("/") != served[name]
    ]


def find_version_warning(version: str, now: datetime) -> str:
    """Return a sentence if the version has ended, or ends soon; else an empty text."""
    if version not in VERSION_ENDS:
        return f"META_GRAPH_VERSION: this application has not been tested with {version}"
    end = VERSION_ENDS[version]
    if end is None or end - now > WARNING_PERIOD:
        return ""
    verb = "ended" if end <= now else "ends"
    return f"META_GRAPH_VERSION: {version} {verb} on {end.date().isoformat()}; use v26.0 or later"
