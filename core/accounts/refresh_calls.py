"""The calls of a token refresh: renew a login, or fetch the refused tokens of its destinations."""

from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from core.accounts import grant_lifecycle
from core.accounts.destination_tokens import (
    FetchedTokens,
    RefusedDestination,
    fetch_destination_tokens,
)
from core.accounts.flows import get_flow, is_flow_in_use
from core.accounts.renewal import (
    MIN_REFRESH_DELAY,
    EncryptedGrant,
    encrypt_grant,
    next_exchange_delay,
)
from core.backoff import NO_MIN_DELAY
from core.bootstrap import Services
from core.crypto import EncryptionContext
from core.errors import CoreError
from core.observability import metrics
from core.outcomes import Snooze
from platforms.errors import (
    MisdirectedResponse,
    PlatformError,
    Revoked,
    TokenExpired,
    Unavailable,
)
from platforms.logins import LoginFlow, LoginGrant, RenewalKind, RenewalRule
from platforms.secret import Secret

log = structlog.get_logger(__name__)

OTHER_ACCOUNT = "other_account"
"""The code of a refresh that the platform answered with the tokens of another account."""

TOO_YOUNG = "the platform renews no token as young as this one"


@dataclass(frozen=True)
class RefreshJob:
    """What one refresh needs: the encrypted tokens, and the contexts to encrypt with.

    `login_ids`: the ids that the platform may name the login by. `age` and `remaining` are those of
    the access token by the database's clock; `remaining` of None: it has no known end.
    """

    account_id: int
    provider: str
    login_ids: tuple[str, ...]
    renewal: RenewalKind
    encrypted_access_token: str | None
    encrypted_refresh_token: str | None
    access_context: EncryptionContext
    refresh_context: EncryptionContext
    has_unanswered_call: bool  # an earlier call was sent and never answered
    age: timedelta
    remaining: timedelta | None
    is_refused: bool  # the platform has refused the access token
    destinations: tuple[RefusedDestination, ...] = ()
    flow: str | None = None  # the way of signing in; None: the platform has only one


@dataclass(frozen=True)
class RefreshRefused:
    """The platform does not accept the tokens any more, or is not asked with another app."""

    code: str
    cause: str  # revoked | rotation_lost | login_changed


def call_refresh(
    job: RefreshJob, services: Services
) -> EncryptedGrant | RefreshRefused | FetchedTokens:
    """Fetch the refused tokens of destinations, or else renew the login.

    The login is renewed as well if the platform refuses its token when fetching.
    Errors: as `renew_login`; those of `fetch_destination`.
    """
    flow = get_flow(services, job.provider)
    if not is_flow_in_use(services, job.provider, job.flow):
        return RefreshRefused(grant_lifecycle.LOGIN_CHANGED, grant_lifecycle.LOGIN_CHANGED)
    if job.destinations and job.encrypted_access_token is not None:
        token = services.key_ring.decrypt(job.encrypted_access_token, job.access_context)
        try:
            fetched = fetch_destination_tokens(job.destinations, flow, token, services)
        except (Revoked, TokenExpired) as error:
            log.warning("token_refresh.refused_token", account=job.account_id, code=error.code)
            job = replace(job, is_refused=True)
        else:
            return FetchedTokens(fetched, next_renewal_delay(job, flow.rules.renewal, services))
    if job.renewal == RenewalKind.NOTHING:
        if job.is_refused:
            return RefreshRefused(TokenExpired.code, grant_lifecycle.REVOKED)
        return FetchedTokens((), None)
    return renew_login(job, flow, services)


def next_renewal_delay(job: RefreshJob, rule: RenewalRule, services: Services) -> timedelta | None:
    """Return when the login itself is due, after work that left its tokens as they are."""
    if job.renewal == RenewalKind.NOTHING:
        return None
    if job.renewal == RenewalKind.REFRESH_TOKEN:
        return MIN_REFRESH_DELAY
    lifetime = None if job.remaining is None else job.remaining + job.age
    delay = next_exchange_delay(lifetime, rule, jitter=services.jitter())
    return max(delay - job.age, MIN_REFRESH_DELAY)


def renew_login(
    job: RefreshJob, flow: LoginFlow, services: Services
) -> EncryptedGrant | RefreshRefused:
    """Renew the tokens at the platform and encrypt the new ones.

    Errors: Unavailable if this call, or an earlier one, may have rotated the refresh token, among
    them MisdirectedResponse for tokens of another account; other PlatformErrors and CoreErrors if
    the platform has certainly not done so; Snooze while the token is too young to be renewed.
    """
    rule = flow.rules.renewal
    if job.renewal == RenewalKind.EXCHANGE:
        require_renewal_age(job, rule)
        grant = exchange_token(job, flow, services)
    else:
        grant = exchange_refresh_token(job, flow, services)
    if isinstance(grant, RefreshRefused):
        return grant
    require_same_account(grant, job.login_ids, provider=job.provider, account_id=job.account_id)
    return encrypt_grant(grant, services, job.access_context, job.refresh_context, rule=rule)


def require_renewal_age(job: RefreshJob, rule: RenewalRule) -> None:
    """Errors: Snooze until the token is old enough; one that was refused is tried at once."""
    wait = max(rule.min_age, rule.min_interval) - job.age
    if wait > NO_MIN_DELAY and not job.is_refused:
        raise Snooze(wait, TOO_YOUNG)


def exchange_token(
    job: RefreshJob, flow: LoginFlow, services: Services
) -> LoginGrant | RefreshRefused:
    """Exchange the access token itself. A lost answer costs nothing: the old one stays valid."""
    token = decrypt_token(job.encrypted_access_token, job.access_context, services)
    try:
        return flow.renew(access_token=token, refresh_token=None)
    except (Revoked, TokenExpired) as error:
        return RefreshRefused(error.code, grant_lifecycle.REVOKED)


def exchange_refresh_token(
    job: RefreshJob, flow: LoginFlow, services: Services
) -> LoginGrant | RefreshRefused:
    """Exchange the refresh token, which the platform may replace as soon as the call arrives."""
    refresh_token = decrypt_token(job.encrypted_refresh_token, job.refresh_context, services)
    try:
        access_token = decrypt_token(job.encrypted_access_token, job.access_context, services)
        return flow.renew(access_token=access_token, refresh_token=refresh_token)
    except Revoked as error:
        may_have_rotated = job.has_unanswered_call or error.after_server_error
        cause = grant_lifecycle.ROTATION_LOST if may_have_rotated else grant_lifecycle.REVOKED
        return RefreshRefused(error.code, cause)
    except Exception as error:
        if job.has_unanswered_call or not isinstance(error, PlatformError | CoreError):
            raise as_unavailable(error) from error
        raise


def decrypt_token(encrypted: str | None, context: EncryptionContext, services: Services) -> Secret:
    """Errors: DecryptionFailed; Revoked if there is no token at all."""
    if encrypted is None:
        raise Revoked("there is no token to renew", code="no_refresh_token")
    return services.key_ring.decrypt(encrypted, context)


def require_same_account(
    grant: LoginGrant, login_ids: tuple[str, ...], *, provider: str, account_id: int
) -> None:
    """Refuse tokens of another account than the one that was refreshed.

    Stored, they would publish one creator's videos on another's profile. A grant that names no
    account is accepted. The refresh is retried as after a lost answer: nothing of this one is
    stored, the old tokens stay, and the account stays connected. If the platform then refuses the
    refresh token, it has been spent by this answer, and the account continues with its access
    token until that expires (`rotation_lost`).
    Errors: MisdirectedResponse `other_account`.
    """
    if grant.login_id is None or grant.login_id in login_ids:
        return
    log.error("token_refresh.other_account", provider=provider, account=account_id)
    raise MisdirectedResponse(
        "the platform answered with the tokens of another account", code=OTHER_ACCOUNT
    )


def as_unavailable(error: Exception) -> Unavailable:
    """Convert the error to one whose outcome is unknown: the token may have been rotated."""
    is_known_error = isinstance(error, PlatformError | CoreError)
    log.warning(
        "token_refresh.outcome_unknown", error=type(error).__name__, exc_info=not is_known_error
    )
    return Unavailable(
        str(error) if is_known_error else type(error).__name__,
        code=getattr(error, "code", None) or type(error).__name__,
        retry_after=getattr(error, "retry_after", None) or NO_MIN_DELAY,
        log_id=getattr(error, "log_id", None),
    )


def count_refresh(job: RefreshJob, outcome: str, code: str) -> None:
    metrics.TOKEN_REFRESHES.labels(job.provider, outcome, metrics.bound_code(code)).inc()
