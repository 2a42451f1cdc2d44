"""Signing in at a platform: exchange the code, find out who it is and what they can post to.

Nothing is stored here. Whatever fails becomes a `CoreError` with a code of `ERROR_CAUSES`.
"""

from dataclasses import dataclass, replace

import structlog

from core.accounts.error_codes import exchange_error_code
from core.errors import CoreError, OperationFailed, ServiceUnavailable
from db.records.destinations import DESTINATION_STORES
from platforms.errors import PlatformError
from platforms.logins import FlowRules, FoundDestinations, LoginFlow, LoginGrant, LoginIdentity

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SignIn:
    """Who signed in and what for. `found` of None: the login itself is posted to."""

    login_id: str
    grant: LoginGrant
    identity: LoginIdentity
    scopes: tuple[str, ...]
    rules: FlowRules
    found: FoundDestinations | None


def sign_in(flow: LoginFlow, *, provider: str, code: str, code_verifier: str | None) -> SignIn:
    """Exchange the code and ask the platform who signed in. Errors: OperationFailed.

    From here on there are tokens, so that `complete_sign_in` is a step of its own.
    """
    grant = exchange_code(flow, code, code_verifier=code_verifier)
    identity = identify_person(flow, grant, provider=provider)
    login_id = grant.login_id or identity.login_id
    if login_id is None:
        raise OperationFailed("the platform did not name the account", code="platform_error")
    scopes = grant.scopes if identity.scopes is None else identity.scopes
    grant = replace(grant, scopes=scopes or ())
    return SignIn(login_id, grant, identity, grant.scopes or (), flow.rules, found=None)


def complete_sign_in(flow: LoginFlow, signed_in: SignIn, *, provider: str) -> SignIn:
    """Check the permissions, and find out what the login can post to.

    Errors: OperationFailed with the platform's reason: `invalid_scope` without a required
    permission, the code of the flow if there is nothing to post to.
    """
    require_scopes(flow.rules, signed_in.scopes)
    if provider not in DESTINATION_STORES:
        return signed_in
    return replace(signed_in, found=find_destinations(flow, signed_in.grant))


def exchange_code(flow: LoginFlow, code: str, *, code_verifier: str | None) -> LoginGrant:
    try:
        return flow.exchange_code(code, code_verifier=code_verifier)
    except PlatformError as error:
        raise OperationFailed(
            f"the platform did not exchange the code: {error.code}",
            code=exchange_error_code(error),
        ) from error


def identify_person(flow: LoginFlow, grant: LoginGrant, *, provider: str) -> LoginIdentity:
    """Ask who signed in and which permissions they granted.

    If the grant says both itself, it is stored without a name rather than lost. The identity of
    another person than the grant's is dropped.
    """
    try:
        identity = flow.identify(grant)
    except (PlatformError, ServiceUnavailable) as error:
        log_id = getattr(error, "log_id", None)
        log.warning(
            "connect.profile_unavailable", provider=provider, code=error.code, log_id=log_id
        )
        if grant.login_id is None or grant.scopes is None:
            raise as_failed_operation(error) from error
        return LoginIdentity(login_id=grant.login_id)
    if None not in (identity.login_id, grant.login_id) and identity.login_id != grant.login_id:
        log.error("connect.profile_of_other_account", provider=provider)
        return LoginIdentity(login_id=grant.login_id)
    return identity


def require_scopes(rules: FlowRules, scopes: tuple[str, ...]) -> None:
    missing = sorted(rules.required_scopes - set(scopes))
    if missing:
        raise OperationFailed(
            f"permissions were not granted: {', '.join(missing)}",
            code="invalid_scope",
            details={"missing": missing},
        )


def find_destinations(flow: LoginFlow, grant: LoginGrant) -> FoundDestinations:
    """Find what the login can post to. Errors: OperationFailed if that is nothing."""
    try:
        found = flow.find_destinations(grant)
    except (PlatformError, ServiceUnavailable) as error:
        raise as_failed_operation(error) from error
    if not found.destinations:
        log.warning(
            "connect.no_destination",
            flow=flow.rules.name,
            unreadable=len(found.unreadable_ids),
            complete=found.is_complete,
        )
        raise OperationFailed(
            "the login opens no account that can be posted to", code=flow.rules.no_destination_code
        )
    return found


def as_failed_operation(error: PlatformError | ServiceUnavailable) -> CoreError:
    """Name the failure of a call after the exchange by the codes of connecting."""
    if isinstance(error, CoreError):
        return error
    return OperationFailed(
        f"the platform did not answer the sign-in: {error.code}", code=exchange_error_code(error)
    )
