"""Codes and tokens: issued, rotated, ended. Must not know how they are asked for."""

import secrets
from dataclasses import dataclass, field

from platforms.sandbox.tiktok.settings import Settings


@dataclass(frozen=True)
class Code:
    open_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    until: float


@dataclass(frozen=True)
class Grant:
    """What one token stands for, access or refresh."""

    token: str = field(repr=False)
    open_id: str
    scopes: tuple[str, ...]
    until: float


@dataclass(frozen=True)
class Pair:
    access: Grant
    refresh: Grant


class Tokens:
    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def code(self, code: Code) -> str:
        """A new code, with all that clients like to lose when they decode it badly.

        The tail was observed; the escape in front of it is ours, and shows a second decoding.
        """
        tail = f"*{secrets.choice('v0')}!{1000 + secrets.randbelow(9000)}.s1"
        value = secrets.token_urlsafe(48) + "%2F" + tail
        self._codes[value] = code
        return value

    def redeem(self, value: str, *, now: float) -> Code | None:
        """A code serves once, also when the exchange then fails."""
        code = self._codes.pop(value, None)
        return code if code and code.until > now else None

    def issue(
        self,
        open_id: str,
        scopes: tuple[str, ...],
        settings: Settings,
        *,
        now: float,
        until: float | None = None,
    ) -> Pair:
        """`until`: when the new refresh token ends, if not after its full life."""
        lives = settings.lifetimes
        access = Grant("act." + secrets.token_urlsafe(48), open_id, scopes, now + lives.access)
        ends = now + lives.refresh if until is None else until
        refresh = Grant("rft." + secrets.token_urlsafe(48), open_id, scopes, ends)
        self._access[access.token] = access
        self._refresh[refresh.token] = refresh
        return Pair(access, refresh)

    def rotate(self, token: str, settings: Settings, *, now: float) -> Pair | None:
        """A new pair for a living refresh token, which is dead at once unless lenient."""
        old = self._refresh.get(token)
        if old is None or old.until <= now:
            return None
        if not (settings.lenient_refresh and settings.profile == "older"):
            del self._refresh[token]
        if settings.refresh_ends_access:
            self._end(self._access, old.open_id)
        until = None if settings.lifetimes.restarts else old.until
        return self.issue(old.open_id, old.scopes, settings, now=now, until=until)

    def bearer(self, token: str, *, now: float) -> Grant | None:
        grant = self._access.get(token)
        return grant if grant and grant.until > now else None

    def end(self, open_id: str) -> bool:
        """Whether there was anything to end."""
        ended = self._end(self._access, open_id)
        return self._end(self._refresh, open_id) or ended

    def _end(self, tokens: dict[str, Grant], open_id: str) -> bool:
        theirs = [token for token, grant in tokens.items() if grant.open_id == open_id]
        for token in theirs:
            del tokens[token]
        return bool(theirs)
