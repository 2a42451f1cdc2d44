"""Authorization codes and tokens: issuing, rotating and revoking them."""

import secrets
from dataclasses import dataclass, field

from platforms.sandbox.tiktok.settings import SandboxSettings


@dataclass(frozen=True)
class AuthorizationCode:
    open_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    expires_at: float


@dataclass(frozen=True)
class IssuedToken:
    """An access or refresh token."""

    token: str = field(repr=False)
    open_id: str
    scopes: tuple[str, ...]
    expires_at: float


@dataclass(frozen=True)
class TokenPair:
    access: IssuedToken
    refresh: IssuedToken


class TokenStore:
    """All valid codes and tokens."""

    def __init__(self) -> None:
        self._codes: dict[str, AuthorizationCode] = {}
        self._access: dict[str, IssuedToken] = {}
        self._refresh: dict[str, IssuedToken] = {}

    def issue_code(self, code: AuthorizationCode) -> str:
        """Return a new code, which a client that decodes it wrongly cannot redeem.

        The suffix was observed at TikTok; the escape before it is ours, and changes if a client
        decodes the code twice.
        """
        suffix = f"*{secrets.choice('v0')}!{1000 + secrets.randbelow(9000)}.s1"
        value = secrets.token_urlsafe(48) + "%2F" + suffix
        self._codes[value] = code
        return value

    def redeem_code(self, value: str, *, now: float) -> AuthorizationCode | None:
        """Return the grant of a code; a code can be used once, even if the exchange then fails."""
        code = self._codes.pop(value, None)
        return code if code and code.expires_at > now else None

    def issue_pair(
        self,
        open_id: str,
        scopes: tuple[str, ...],
        settings: SandboxSettings,
        *,
        now: float,
        refresh_until: float | None = None,
    ) -> TokenPair:
        """Issue tokens. `refresh_until`: the refresh token's end, if not after its full lifetime.

        Units: `now` and `refresh_until` are seconds since 1970.
        """
        lifetimes = settings.lifetimes
        access = IssuedToken(
            "act." + secrets.token_urlsafe(48), open_id, scopes, now + lifetimes.access
        )
        refresh_expires_at = now + lifetimes.refresh if refresh_until is None else refresh_until
        refresh = IssuedToken(
            "rft." + secrets.token_urlsafe(48), open_id, scopes, refresh_expires_at
        )
        self._access[access.token] = access
        self._refresh[refresh.token] = refresh
        return TokenPair(access, refresh)

    def rotate_pair(self, token: str, settings: SandboxSettings, *, now: float) -> TokenPair | None:
        """Return a new pair for a valid refresh token, which ends at once unless lenient."""
        old_token = self._refresh.get(token)
        if old_token is None or old_token.expires_at <= now:
            return None
        if not (settings.lenient_refresh and settings.profile == "older"):
            del self._refresh[token]
        if settings.refresh_ends_access:
            self._remove_tokens(self._access, old_token.open_id)
        refresh_until = None if settings.lifetimes.restarts_on_refresh else old_token.expires_at
        return self.issue_pair(
            old_token.open_id, old_token.scopes, settings, now=now, refresh_until=refresh_until
        )

    def find_access_token(self, token: str, *, now: float) -> IssuedToken | None:
        grant = self._access.get(token)
        return grant if grant and grant.expires_at > now else None

    def revoke_all(self, open_id: str) -> bool:
        """Remove all tokens of the creator; return whether there were any."""
        had_access = self._remove_tokens(self._access, open_id)
        had_refresh = self._remove_tokens(self._refresh, open_id)
        return had_access or had_refresh

    def _remove_tokens(self, tokens: dict[str, IssuedToken], open_id: str) -> bool:
        matching = [token for token, grant in tokens.items() if grant.open_id == open_id]
        for token in matching:
            del tokens[token]
        return bool(matching)
