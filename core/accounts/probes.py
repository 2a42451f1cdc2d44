"""Asks a platform, while a user waits, for tokens, permissions and subscriptions of their logins.

Nothing is stored, and nothing but names, times and codes is returned.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from core.accounts.flows import get_flow
from core.accounts.grant_lifecycle import LOGIN_CHANGED
from core.accounts.refresh import renewal_kind
from core.accounts.subscriptions import (
    SubscriptionJob,
    find_subscriber,
    list_subscription_jobs,
    to_destination,
)
from core.accounts.tokens import AccessToken, access_token_of
from core.bootstrap import Services
from core.errors import CoreError
from core.outcomes import Park
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.session import Database
from platforms.errors import PlatformError
from platforms.logins import LoginFlow, LoginGrant, LoginIdentity, RenewalKind, TokenInspection
from platforms.secret import Secret

T = TypeVar("T")

TIME_BUDGET_SECONDS = 10.0  # of one request; no call is begun after it
NOT_PROBED = "not_probed"
"""Code of what there was no time for."""


@dataclass(frozen=True)
class ProbeAnswer:
    """Whether a call was answered as it should be; `code` says why not."""

    ok: bool
    code: str | None = None


@dataclass(frozen=True)
class TokenProbe(ProbeAnswer):
    expires_at: datetime | None = None
    data_access_until: datetime | None = None


@dataclass(frozen=True)
class PermissionsProbe(ProbeAnswer):
    granted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # of those that nothing works without


@dataclass(frozen=True)
class SubscriptionProbe(ProbeAnswer):
    destination_id: int = 0
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoginProbe:
    account_id: int
    token: TokenProbe
    permissions: PermissionsProbe
    subscriptions: tuple[SubscriptionProbe, ...] = ()


@dataclass(frozen=True)
class ProbedLogin:
    """What probing one login needs. `token` of None: it has none that may be used."""

    account_id: int
    open_id: str
    scopes: tuple[str, ...]
    has_no_end: bool
    cause: str | None
    token: AccessToken | None
    subscriptions: tuple[SubscriptionJob, ...]


def probe_logins(
    database: Database, services: Services, *, user_id: int, provider: str
) -> list[LoginProbe]:
    """Probe the user's logins at a platform; empty while it is off."""
    if provider not in services.adapters:
        return []
    flow, deadline = get_flow(services, provider), time.monotonic() + TIME_BUDGET_SECONDS
    with database.transaction() as session:
        accounts = Accounts(session).list_for_user(user_id, provider)
        logins = [
            describe_login(account, list_subscription_jobs(session, account))
            for account in accounts
        ]
    return [probe_login(login, flow, services, provider, deadline) for login in logins]


def describe_login(account: Account, jobs: Sequence[SubscriptionJob]) -> ProbedLogin:
    is_active = account.status == AccountStatus.ACTIVE
    return ProbedLogin(
        account_id=account.id,
        open_id=account.open_id,
        scopes=tuple(filter(None, account.scope.split(","))),
        has_no_end=renewal_kind(account) == RenewalKind.NOTHING,
        cause=account.status_cause or str(account.status),
        token=access_token_of(account) if is_active else None,
        subscriptions=tuple(jobs),
    )


def probe_login(
    login: ProbedLogin, flow: LoginFlow, services: Services, provider: str, deadline: float
) -> LoginProbe:
    if login.token is None:
        code = login.cause
        return LoginProbe(login.account_id, TokenProbe(False, code), PermissionsProbe(False, code))
    token = login.token
    inspected, code = try_call(lambda: flow.inspect_token(token.decrypt(services)), deadline)
    identity, identity_code = try_call(
        lambda: flow.identify(build_grant(login, token.decrypt(services))), deadline
    )
    return LoginProbe(
        login.account_id,
        build_token_probe(inspected, code or identity_code),
        build_permissions_probe(identity, identity_code, login, flow),
        tuple(probe_subscription(job, services, provider, deadline) for job in login.subscriptions),
    )


def try_call(call: Callable[[], T], deadline: float) -> tuple[T | None, str | None]:
    """Return the answer, or the code of why there is none."""
    if time.monotonic() >= deadline:
        return None, NOT_PROBED
    try:
        return call(), None
    except (PlatformError, CoreError) as error:
        return None, error.code
    except Park:
        return None, LOGIN_CHANGED


def build_grant(login: ProbedLogin, token: Secret) -> LoginGrant:
    return LoginGrant(
        token, None, scopes=login.scopes, login_id=login.open_id, has_no_end=login.has_no_end
    )


def build_token_probe(inspected: TokenInspection | None, code: str | None) -> TokenProbe:
    """Where the platform says nothing of a token, a call that it answered proves it valid."""
    if inspected is None:
        return TokenProbe(code is None, code)
    return TokenProbe(
        inspected.is_valid, inspected.code, inspected.expires_at, inspected.data_access_until
    )


def build_permissions_probe(
    identity: LoginIdentity | None, code: str | None, login: ProbedLogin, flow: LoginFlow
) -> PermissionsProbe:
    if identity is None:
        return PermissionsProbe(False, code)
    granted = login.scopes if identity.scopes is None else identity.scopes
    missing = tuple(sorted(flow.rules.required_scopes.difference(granted)))
    return PermissionsProbe(not missing, None, tuple(sorted(granted)), missing)


def probe_subscription(
    job: SubscriptionJob, services: Services, provider: str, deadline: float
) -> SubscriptionProbe:
    subscriber, destination_id = find_subscriber(services, provider), job.destination.id
    if subscriber is None:
        return SubscriptionProbe(True, None, destination_id)
    fields, code = try_call(
        lambda: subscriber.read_subscription(
            to_destination(job.destination),
            job.token.decrypt(services),
            job.token.decrypt_fallback(services),
        ),
        deadline,
    )
    return SubscriptionProbe(bool(fields), code, destination_id, fields or ())
