"""TikTok's Login Kit: consent, tokens, revocation, profile. Must not store or seal anything.

Source: TikTok, login-kit-web, login-kit-desktop and the oauth-* pages, read 2026-11-22.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from platforms.base import App, Grant, Profile
from platforms.bodies import text
from platforms.errors import Rejected, Unavailable
from platforms.http import SAFE, TOKEN, Http
from platforms.secret import Secret
from platforms.tiktok.envelope import data, flat, needed

PROFILE = ("open_id", "union_id", "avatar_url", "display_name")
PROFILE_SCOPE = "user.info.basic"  # covers all of them; one field too many fails the whole call
MAX_URL = 2048
TOKEN_FORM = re.compile(r"[!-~]{1,4096}")  # `act.…` and `rft.…`, but that is nobody's promise
LONGEST = 10 * 365 * 86_400  # seconds; what is said to last longer fits no calendar


@dataclass(frozen=True)
class TikTokOAuth:
    app: App
    http: Http

    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        switch: bool = False,
        verifier: str | None = None,
    ) -> str:
        """Where to send the browser. `switch` asks for consent even of who is signed in there."""
        query = {
            "client_key": self.app.client_key,
            "scope": ",".join(tuple(scopes) or self.app.scopes),
            "response_type": "code",
            "redirect_uri": self.app.redirect_uri,
            "state": state,
        }
        if switch:
            query["disable_auto_auth"] = "1"
        if verifier:
            query |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
        return f"{self.app.bases['auth'].rstrip('/')}/v2/auth/authorize/?{urlencode(query)}"

    def exchange(self, code: str, *, verifier: str | None = None) -> Grant:
        """`code` as decoded once from the callback; its tail may hold `*` and `!`.

        Errors: Revoked if the code is spent or expired; AppRefused, Rejected, RateLimited,
        Unavailable.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.app.redirect_uri,
        }
        return granted(
            self._post("token", form | ({"code_verifier": verifier} if verifier else {}))
        )

    def refresh(self, refresh_token: Secret) -> Grant:
        """The old token may be dead as soon as this arrives, whether the answer comes or not.

        Errors: Revoked if the grant is dead; else as `exchange`.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return granted(self._post("token", form))

    def revoke(self, access_token: Secret) -> None:
        """Errors: as `exchange`; whether a failure matters is the caller's to say."""
        self._post("revoke", {"token": access_token.reveal()})

    def profile(self, access_token: Secret, scopes: Iterable[str]) -> Profile:
        """Errors: Rejected if `scopes` does not allow it; else what the envelope says."""
        if PROFILE_SCOPE not in scopes:
            raise Rejected(f"needs {PROFILE_SCOPE}", code="scope_not_authorized")
        reply = self.http.call(
            "GET",
            f"{self._api}/v2/user/info/?{urlencode({'fields': ','.join(PROFILE)})}",
            endpoint="user_info",
            repeat=SAFE,
            headers={"Authorization": f"Bearer {access_token.reveal()}"},
        )
        user = data(reply, "user_info").get("user")
        known = user if isinstance(user, dict) else {}
        return Profile(
            external_id=needed(known, "open_id"),
            display_name=text(known.get("display_name")),
            avatar_url=text(known.get("avatar_url"), MAX_URL),
            union_id=text(known.get("union_id")),
        )

    @property
    def _api(self) -> str:
        return self.app.bases["api"].rstrip("/")

    def _post(self, endpoint: str, form: Mapping[str, str]) -> dict[str, Any]:
        credentials = {
            "client_key": self.app.client_key,
            "client_secret": self.app.client_secret.reveal(),
        }
        reply = self.http.call(
            "POST",
            f"{self._api}/v2/oauth/{endpoint}/",
            endpoint=endpoint,
            repeat=TOKEN,
            headers={"Cache-Control": "no-cache"},
            form={**credentials, **form},
        )
        return flat(reply, endpoint)


def challenge(verifier: str) -> str:
    """Lower-case hex, not the base64url that RFC 7636 asks for."""
    return sha256(verifier.encode()).hexdigest()


def granted(answer: Mapping[str, Any]) -> Grant:
    """Errors: Unavailable if anything is missing that the account could not live without."""
    refresh_token = token(answer, "refresh_token") if answer.get("refresh_token") else None
    return Grant(
        external_id=needed(answer, "open_id"),
        access_token=token(answer, "access_token"),
        lifetime=lifetime(answer, "expires_in"),
        refresh_token=refresh_token,
        refresh_lifetime=lasting(answer, "refresh_expires_in") if refresh_token else None,
        scopes=tuple(filter(None, str(answer.get("scope") or "").replace(" ", "").split(","))),
        token_type=str(answer.get("token_type") or "Bearer"),
    )


def token(answer: Mapping[str, Any], key: str) -> Secret:
    """What a header and a form can carry. Errors: Unavailable."""
    found = needed(answer, key)
    if not TOKEN_FORM.fullmatch(found):
        raise Unavailable(f"the answer's {key} is none", code="INVALID_RESPONSE")
    return Secret(found)


def lifetime(answer: Mapping[str, Any], key: str) -> timedelta:
    """As answered, never assumed: the vendor changed it from a day to two hours."""
    found = lasting(answer, key)
    if found is None:
        raise Unavailable(f"the answer has no {key}", code="INVALID_RESPONSE")
    return found


def lasting(answer: Mapping[str, Any], key: str) -> timedelta | None:
    """None if it is not said: a new pair of tokens is not thrown away for want of a date."""
    try:
        seconds = int(text(answer.get(key)) or "")
    except ValueError:
        return None
    return timedelta(seconds=min(seconds, LONGEST)) if seconds > 0 else None
