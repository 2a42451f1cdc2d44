"""TikTok's Login Kit: consent URL, tokens, revocation, profile.

Source: TikTok, login-kit-web, login-kit-desktop and the oauth-* pages, read 2026-11-22.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from platforms.base import Grant, PlatformApp, Profile
from platforms.errors import Rejected, Unavailable
from platforms.http import SAFE_RETRY, TOKEN_RETRY, HttpClient
from platforms.json_body import to_text
from platforms.secret import Secret
from platforms.tiktok.envelope import require_text, unwrap_data, unwrap_oauth

PROFILE_FIELDS = ("open_id", "union_id", "avatar_url", "display_name")
PROFILE_SCOPE = "user.info.basic"  # covers all of them; one field too many fails the whole call
MAX_URL_LENGTH = 2048
TOKEN_PATTERN = re.compile(r"[!-~]{1,4096}")  # observed: `act.…` and `rft.…`; not documented
MAX_LIFETIME_SECONDS = 10 * 365 * 86_400  # a longer lifetime is reduced to it


@dataclass(frozen=True)
class TikTokOAuth:
    """Connects accounts, refreshes and revokes their tokens, fetches their profile."""

    app: PlatformApp
    http: HttpClient

    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        force_consent: bool = False,
        code_verifier: str | None = None,
    ) -> str:
        """Return the URL of the consent page.

        `force_consent`: show the page even to a user who is signed in and has consented before.
        """
        query = {
            "client_key": self.app.client_key,
            "scope": ",".join(tuple(scopes) or self.app.scopes),
            "response_type": "code",
            "redirect_uri": self.app.redirect_uri,
            "state": state,
        }
        if force_consent:
            query["disable_auto_auth"] = "1"
        if code_verifier:
            query |= {
                "code_challenge": code_challenge(code_verifier),
                "code_challenge_method": "S256",
            }
        return f"{self.app.base_urls['auth'].rstrip('/')}/v2/auth/authorize/?{urlencode(query)}"

    def exchange_code(self, code: str, *, code_verifier: str | None = None) -> Grant:
        """Exchange an authorization code, as decoded once from the callback, for tokens.

        The code may end with characters such as `*` and `!`.
        Errors: Revoked if the code was used or has expired; AppRefused, Rejected, RateLimited,
        Unavailable.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.app.redirect_uri,
        }
        if code_verifier:
            form["code_verifier"] = code_verifier
        return parse_grant(self._post("token", form))

    def refresh(self, refresh_token: Secret) -> Grant:
        """Exchange a refresh token for new tokens.

        The old refresh token may be invalid as soon as the call arrives, even if no answer comes.
        Errors: Revoked if the grant has ended; else as `exchange_code`.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return parse_grant(self._post("token", form))

    def revoke(self, access_token: Secret) -> None:
        """Revoke the account's grant. Errors: as `exchange_code`."""
        self._post("revoke", {"token": access_token.reveal()})

    def fetch_profile(self, access_token: Secret, scopes: Iterable[str]) -> Profile:
        """Return the account's profile.

        Errors: Rejected if the scope was not granted; those of `unwrap_data`.
        """
        if PROFILE_SCOPE not in scopes:
            raise Rejected(f"the call needs the scope {PROFILE_SCOPE}", code="scope_not_authorized")
        response = self.http.call(
            "GET",
            f"{self._api_base_url}/v2/user/info/?{urlencode({'fields': ','.join(PROFILE_FIELDS)})}",
            endpoint="user_info",
            retry=SAFE_RETRY,
            headers={"Authorization": f"Bearer {access_token.reveal()}"},
        )
        user = unwrap_data(response, "user_info").get("user")
        fields = user if isinstance(user, dict) else {}
        return Profile(
            platform_user_id=require_text(fields, "open_id"),
            display_name=to_text(fields.get("display_name")),
            avatar_url=to_text(fields.get("avatar_url"), MAX_URL_LENGTH),
            union_id=to_text(fields.get("union_id")),
        )

    @property
    def _api_base_url(self) -> str:
        return self.app.base_urls["api"].rstrip("/")

    def _post(self, endpoint: str, form: Mapping[str, str]) -> dict[str, Any]:
        credentials = {
            "client_key": self.app.client_key,
            "client_secret": self.app.client_secret.reveal(),
        }
        response = self.http.call(
            "POST",
            f"{self._api_base_url}/v2/oauth/{endpoint}/",
            endpoint=endpoint,
            retry=TOKEN_RETRY,
            headers={"Cache-Control": "no-cache"},
            form={**credentials, **form},
        )
        return unwrap_oauth(response, endpoint)


def code_challenge(code_verifier: str) -> str:
    """Return the challenge in lower-case hex, as TikTok expects it (RFC 7636 says base64url)."""
    return sha256(code_verifier.encode()).hexdigest()


def parse_grant(payload: Mapping[str, Any]) -> Grant:
    """Parse a token response. Errors: Unavailable without account id, access token or lifetime."""
    refresh_token, refresh_lifetime = None, None
    if payload.get("refresh_token"):
        refresh_token = parse_token(payload, "refresh_token")
        refresh_lifetime = parse_optional_lifetime(payload, "refresh_expires_in")
    return Grant(
        platform_user_id=require_text(payload, "open_id"),
        access_token=parse_token(payload, "access_token"),
        lifetime=parse_lifetime(payload, "expires_in"),
        refresh_token=refresh_token,
        refresh_lifetime=refresh_lifetime,
        scopes=tuple(filter(None, str(payload.get("scope") or "").replace(" ", "").split(","))),
        token_type=str(payload.get("token_type") or "Bearer"),
    )


def parse_token(payload: Mapping[str, Any], key: str) -> Secret:
    """Return a token that a header and a form can carry. Errors: Unavailable."""
    value = require_text(payload, key)
    if not TOKEN_PATTERN.fullmatch(value):
        raise Unavailable(
            f"`{key}` in the response is not a token of printable ASCII", code="INVALID_RESPONSE"
        )
    return Secret(value)


def parse_lifetime(payload: Mapping[str, Any], key: str) -> timedelta:
    """Return the lifetime, which has no default: TikTok changed it from a day to two hours.

    Errors: Unavailable.
    """
    lifetime = parse_optional_lifetime(payload, key)
    if lifetime is None:
        raise Unavailable(f"the response has no valid `{key}`", code="INVALID_RESPONSE")
    return lifetime


def parse_optional_lifetime(payload: Mapping[str, Any], key: str) -> timedelta | None:
    """Return the lifetime, or None: new tokens are kept even if their lifetime is missing."""
    try:
        seconds = int(to_text(payload.get(key)) or "")
    except ValueError:
        return None
    return timedelta(seconds=min(seconds, MAX_LIFETIME_SECONDS)) if seconds > 0 else None
