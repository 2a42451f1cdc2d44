"""Codes and tokens: issued, rotated, ended. Must not know how they are asked for."""

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
    """What one token stands for, access or refresh."""

    token: str = field(repr=False)
    open_id: str
    scopes: tuple[str, ...]
    expires_at: float


@dataclass(frozen=True)
class TokenPair:
    access: IssuedToken
    refresh: IssuedToken


class TokenStore:
    def __init__(self) -> None:
        self._codes: dict[str, AuthorizationCode] = {}
        self._access: dict[str, IssuedToken] = {}
        self._refresh: dict[str, IssuedToken] = {}

    def issue_code(self, code: AuthorizationCode) -> str:
        """A new code, with all that clients like to lose when they decode it badly.

        The tail was observed; the escape in front of it is ours, and shows a second decoding.
        """
        tail = f"*{secrets.choice('v0')}!{1000 + secrets.randbelow(9000)}.s1"
        value = secrets.token_urlsafe(48) + "%2F" + tail
        self._codes[value] = code
        return value

    def redeem_code(self, value: str, *, now: float) -> AuthorizationCode | None:
        """A code serves once, also when the exchange then fails."""
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
        """`until`: when the new refresh token ends, if not after its full life."""
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
        """A new pair for a living refresh token, which is dead at once unless lenient."""
        old = self._refresh.get(token)
        if old is None or old.expires_at <= now:
            return None
        if not (settings.lenient_refresh and settings.profile == "older"):
            del self._refresh[token]
        if settings.refresh_ends_access:
            self._remove_tokens(self._access, old.open_id)
        refresh_until = None if settings.lifetimes.restarts_on_refresh else old.expires_at
        return self.issue_pair(
            old.open_id, old.scopes, settings, now=now, refresh_until=refresh_until
        )

    def find_access_token(self, token: str, *, now: float) -> IssuedToken | None:
        grant = self._access.get(token)
        return grant if grant and grant.expires_at > now else None

    def revoke_all(self, open_id: str) -> bool:
        """Whether there was anything to end."""
        ended = self._remove_tokens(self._access, open_id)
        return self._remove_tokens(self._refresh, open_id) or ended

    def _remove_tokens(self, tokens: dict[str, IssuedToken], open_id: str) -> bool:
        matching = [token for token, grant in tokens.items() if grant.open_id == open_id]
        for token in matching:
            del tokens[token]
        return bool(matching)
