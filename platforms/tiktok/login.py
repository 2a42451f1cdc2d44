"""TikTok's Login Kit: consent URL, tokens, revocation, profile.

Source: TikTok, login-kit-web, login-kit-desktop and the oauth-* pages, read 2026-11-22.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import structlog

from platforms.base import ASSUMED_LIFETIME, PlatformApp
from platforms.errors import Rejected, UnreadableResponse
from platforms.http import SAFE_RETRY, TOKEN_RETRY, HttpClient
from platforms.logins import (
    Destination,
    FlowRules,
    FoundDestinations,
    LoginGrant,
    LoginIdentity,
    RenewalKind,
    RenewalRule,
    TokenInspection,
)
from platforms.publishing import Capability
from platforms.secret import Secret
from platforms.tiktok.envelope import require_secret, unwrap_data, unwrap_oauth
from platforms.vendor_values import (
    find_field,
    read_duration,
    read_id,
    read_named_id,
    read_names,
    read_object,
    read_text,
    read_token_text,
    read_url,
)

PROFILE_FIELDS = ("open_id", "union_id", "avatar_url", "display_name")
PROFILE_SCOPE = "user.info.basic"  # covers all of them; one field too many fails the whole call
MAX_URL_LENGTH = 2048
MAX_LIFETIME = timedelta(days=10 * 365)  # a longer lifetime is reduced to it
MAX_NAME_LENGTH = 255  # characters of a display name that are kept

log = structlog.get_logger(__name__)

FLOW_RULES = FlowRules(
    name="tiktok",
    scopes={
        Capability.DRAFT: frozenset({"video.upload"}),
        Capability.PUBLISH: frozenset({"video.publish"}),
        Capability.INSIGHTS: frozenset({"video.list"}),
    },
    required_scopes=frozenset(),
    renewal=RenewalRule(RenewalKind.REFRESH_TOKEN),
)


@dataclass(frozen=True)
class TikTokLogin:
    """Signs creators in, renews and revokes their tokens, fetches their profile.

    The login itself is posted to, so that it has no destinations.
    """

    app: PlatformApp
    http: HttpClient

    @property
    def rules(self) -> FlowRules:
        return FLOW_RULES

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

    def exchange_code(self, code: str, *, code_verifier: str | None = None) -> LoginGrant:
        """Exchange an authorization code, as decoded once from the callback, for tokens.

        The code may end with characters such as `*` and `!`. If the answer names no scopes, the
        requested ones were granted (RFC 6749 section 5.1).
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
        grant = parse_grant(self._post("token", form))
        return grant if grant.scopes else replace(grant, scopes=self.app.scopes)

    def renew(
        self,
        *,
        access_token: Secret,  # noqa: ARG002 - the refresh token alone renews a login
        refresh_token: Secret | None,
    ) -> LoginGrant:
        """Exchange a refresh token for new tokens.

        The old refresh token may be invalid as soon as the call arrives, even if no answer comes.
        Errors: Revoked if the grant has ended; Rejected without a refresh token; else as
        `exchange_code`.
        """
        if refresh_token is None:
            raise Rejected("TikTok renews a login with its refresh token", code="no_refresh_token")
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return parse_grant(self._post("token", form))

    def revoke(self, token: Secret) -> None:
        """Revoke the account's grant. Errors: as `exchange_code`."""
        self._post("revoke", {"token": token.reveal()})

    def identify(self, grant: LoginGrant) -> LoginIdentity:
        """Return the account's profile. The granted scopes are those of the grant.

        Errors: Rejected if the scope was not granted; those of `unwrap_data`.
        """
        if PROFILE_SCOPE not in (grant.scopes or ()):
            raise Rejected(f"the call needs the scope {PROFILE_SCOPE}", code="scope_not_authorized")
        response = self.http.call(
            "GET",
            f"{self._api_base_url}/v2/user/info/?{urlencode({'fields': ','.join(PROFILE_FIELDS)})}",
            endpoint="user_info",
            retry=SAFE_RETRY,
            headers={"Authorization": f"Bearer {grant.access_token.reveal()}"},
        )
        user = read_object(unwrap_data(response, "user_info").get("user"))
        if not user:
            raise UnreadableResponse("the response has no `user`")
        union_id = read_id(user.get("union_id"))
        return LoginIdentity(
            login_id=read_named_id(user.get("open_id")),
            display_name=read_text(user.get("display_name"), MAX_NAME_LENGTH),
            avatar_url=read_url(user.get("avatar_url"), MAX_URL_LENGTH),
            details={} if union_id is None else {"union_id": union_id},
        )

    def find_destinations(self, grant: LoginGrant) -> FoundDestinations:  # noqa: ARG002 - the login itself is posted to
        return FoundDestinations(())

    def inspect_token(self, token: Secret) -> TokenInspection | None:  # noqa: ARG002 - TikTok has no call for this
        return None

    def fetch_destination(self, external_id: str, token: Secret) -> Destination | None:  # noqa: ARG002 - the login itself is posted to
        return None

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


def parse_grant(payload: Mapping[str, Any]) -> LoginGrant:
    """Parse a token response, flat or below `data`.

    New tokens are kept whatever is missing beside them, because the old ones may be spent.
    Errors: UnreadableResponse without an access token that can be sent.
    """
    if find_field(payload, "access_token") is None:
        payload = read_object(payload.get("data")) or payload
    access_token = require_secret(payload, "access_token")
    refresh_text, refresh_lifetime = read_token_text(find_field(payload, "refresh_token")), None
    if refresh_text is not None:
        refresh_lifetime = read_duration(
            find_field(payload, "refresh_expires_in"), longest=MAX_LIFETIME
        )
    elif find_field(payload, "refresh_token"):
        log.error("tiktok.unreadable_refresh_token")  # the access token is kept all the same
    lifetime = read_duration(find_field(payload, "expires_in"), longest=MAX_LIFETIME)
    return LoginGrant(
        login_id=read_named_id(find_field(payload, "open_id")),
        access_token=access_token,
        lifetime=lifetime or ASSUMED_LIFETIME,
        refresh_token=None if refresh_text is None else Secret(refresh_text),
        refresh_lifetime=refresh_lifetime,
        scopes=read_names(find_field(payload, "scope")) or None,
        token_type=read_text(find_field(payload, "token_type"), MAX_NAME_LENGTH) or "Bearer",
        is_lifetime_assumed=lifetime is None,
    )
