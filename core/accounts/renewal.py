"""When the tokens of a login are renewed, and how a new grant is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.backoff import with_jitter
from core.bootstrap import Services
from core.crypto import EncryptionContext
from platforms.base import ASSUMED_LIFETIME
from platforms.logins import LoginGrant, RenewalKind, RenewalRule

KEEP_ALIVE_PERIOD = timedelta(days=7)
"""How often the tokens of an unused account are refreshed, so that the grant does not expire."""

MIN_REFRESH_DELAY = timedelta(minutes=1)
"""Shortest delay between two refreshes, however short-lived the tokens are."""

UNKNOWN_END_PERIOD = timedelta(days=1)
"""How often an exchanged token is renewed whose end the platform did not give."""

EXCHANGE_SPREAD = 0.1
"""Share of the margin by which exchanges are spread, so that many logins are not due at once."""

BY_REFRESH_TOKEN = RenewalRule(RenewalKind.REFRESH_TOKEN)


@dataclass(frozen=True)
class EncryptedGrant:
    """A new grant with its tokens encrypted. A `refresh_token` of None keeps the old one."""

    access_token: str
    refresh_token: str | None
    grant: LoginGrant
    refresh_window: timedelta
    jitter: float
    rule: RenewalRule = BY_REFRESH_TOKEN

    @property
    def renewal(self) -> RenewalKind:
        """How this grant is renewed; a token that has no end is not renewed at all."""
        return RenewalKind.NOTHING if self.grant.has_no_end else self.rule.kind

    @property
    def lifetime(self) -> timedelta | None:
        """How long the access token is valid; None if it has no end, or none was given."""
        if self.grant.lifetime is None and self.renewal == RenewalKind.REFRESH_TOKEN:
            return ASSUMED_LIFETIME
        return None if self.grant.has_no_end else self.grant.lifetime

    def expires_at(self, received_at: datetime) -> datetime | None:
        """Return when the access token expires; None if no end is known."""
        return None if self.lifetime is None else received_at + self.lifetime

    def refresh_expires_at(self, received_at: datetime) -> datetime | None:
        """Return when the refresh token expires; None if the platform gave no lifetime."""
        lifetime = self.grant.refresh_lifetime
        return None if lifetime is None else received_at + lifetime


def encrypt_grant(
    grant: LoginGrant,
    services: Services,
    access_context: EncryptionContext,
    refresh_context: EncryptionContext,
    *,
    rule: RenewalRule,
) -> EncryptedGrant:
    """Encrypt the tokens of a grant, bound to the account that the contexts name."""
    encrypt = services.key_ring.encrypt
    refresh_token = grant.refresh_token
    return EncryptedGrant(
        access_token=encrypt(grant.access_token, access_context),
        refresh_token=None if refresh_token is None else encrypt(refresh_token, refresh_context),
        grant=grant,
        refresh_window=services.settings.limits.refresh_window,
        jitter=services.jitter(),
        rule=rule,
    )


def token_columns(grant: EncryptedGrant, *, at: datetime) -> dict[str, str | datetime | None]:
    """Return the account's columns that a grant sets; None where the platform gave no value.

    Units: `at` is the database's time. By the clock of a machine that is hours behind, a new
    token would count as expired at once and be refreshed again and again.
    """
    return {
        "access_token_encrypted": grant.access_token,
        "refresh_token_encrypted": grant.refresh_token,
        "expires_at": grant.expires_at(at),
        "refresh_expires_at": grant.refresh_expires_at(at),
    }


def next_refresh_delay(grant: EncryptedGrant, *, in_use: bool) -> timedelta | None:
    """Return how long until the tokens should be refreshed; None if they are not.

    An account in use is refreshed shortly before its access token expires, and so is one whose
    lifetime is only assumed. An unused one is only kept alive; its access token is refreshed at
    the next use. A token that is exchanged itself has to be in time, in use or not.
    """
    lifetime = grant.lifetime
    if grant.renewal == RenewalKind.NOTHING:
        return None
    if grant.renewal == RenewalKind.EXCHANGE:
        return next_exchange_delay(lifetime, grant.rule, jitter=grant.jitter)
    if lifetime is not None and (in_use or is_lifetime_assumed(grant.grant)):
        margin = with_jitter(
            min(grant.refresh_window, lifetime / 4), jitter=grant.jitter, share=0.1
        )
        return max(lifetime - margin, MIN_REFRESH_DELAY)
    half_refresh_lifetime = (grant.grant.refresh_lifetime or KEEP_ALIVE_PERIOD) / 2
    period = min(KEEP_ALIVE_PERIOD, half_refresh_lifetime)
    return max(with_jitter(period, jitter=grant.jitter, share=0.1), MIN_REFRESH_DELAY)


def is_lifetime_assumed(grant: LoginGrant) -> bool:
    return grant.is_lifetime_assumed or grant.lifetime is None


def next_exchange_delay(
    lifetime: timedelta | None, rule: RenewalRule, *, jitter: float
) -> timedelta:
    """Return how long after it was issued an access token is exchanged for a newer one."""
    earliest = max(rule.min_age, rule.min_interval, MIN_REFRESH_DELAY)
    if lifetime is None:
        return max(UNKNOWN_END_PERIOD * (1 + EXCHANGE_SPREAD * jitter), earliest)
    window = lifetime / 4 if rule.due_before_end is None else rule.due_before_end
    margin = min(window, lifetime / 4) * (1 - EXCHANGE_SPREAD * jitter)
    return max(lifetime - margin, earliest)
