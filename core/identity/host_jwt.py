"""Verifies the JWTs of the host application and finds the user that each one names.

The subject of a token is an id of the host application, never one of ours: issuer and subject
together are looked up in the table `users`. Which forms of claims are accepted stands in
docs/decisions/0037-accounts-of-people.md.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import jwt
from jwt.types import Options

from core import audit
from core.config.host_jwt import HostJwtSettings
from core.errors import Unauthorized
from core.identity.emails import is_email
from core.identity.jwks import JwksClient
from core.identity.principals import AuthMethod, Principal
from core.scopes import USER_SCOPES
from db.identity.users import User, Users
from db.session import Session
from platforms.request_types import is_blank

JwtClaims = dict[str, Any]

CLOCK_LEEWAY = timedelta(seconds=45)
"""How far the clock of the host may be from ours."""

MAX_SUBJECT_LENGTH = 255  # characters
TIME_CLAIMS = ("exp", "nbf", "iat")
CLAIM_CHECKS: Options = {
    "verify_sub": False,  # `read_subject` accepts an integer as well
    "verify_jti": False,  # not used here, so its form does not matter
}


class HostTokenVerifier:
    """Verifies tokens of the configured issuer, audience and algorithm. Thread-safe."""

    def __init__(self, config: HostJwtSettings) -> None:
        self._config = config
        self._jwks = (
            JwksClient(config.jwks_url, algorithm=config.algorithm) if config.jwks_url else None
        )

    def verify(self, token: str, *, now: datetime) -> JwtClaims:
        """Return the claims of a valid token. May fetch keys: call it outside of transactions.

        Errors: Unauthorized, without the reason; Unavailable if the keys cannot be fetched.
        """
        config = self._config
        try:
            claims: JwtClaims = jwt.decode(
                token,
                self._signing_key(token),
                algorithms=[str(config.algorithm)],
                issuer=config.issuer,
                audience=config.audience,
                leeway=CLOCK_LEEWAY,
                options={**CLAIM_CHECKS, "require": ["exp", "iss", "aud", config.user_claim]},
            )
        except (jwt.PyJWTError, TypeError, ValueError, ArithmeticError, RecursionError):
            # Not only PyJWT's own errors: anybody can send a token, and whatever the libraries
            # below make of it, it is not valid.
            raise Unauthorized("the token is not valid") from None
        check_times(claims, longest=config.max_lifetime, now=now)
        return claims

    def load_principal(self, session: Session, claims: JwtClaims) -> Principal:
        """Return the principal that the claims name, creating the user if `auto_provision` is on.

        Errors: Unauthorized if the user is unknown or disabled.
        """
        subject = read_subject(claims[self._config.user_claim])
        user = self._find_or_create_user(session, subject, claims)
        if user is None or user.disabled_at is not None:
            raise Unauthorized("the user of this token is unknown or disabled")
        scopes = frozenset(self._config.scopes) & USER_SCOPES
        email = user.claimed_email or user.email
        return Principal(
            user.id, AuthMethod.JWT, scopes, email, user.locale, wrote_at=user.wrote_at
        )

    def _signing_key(self, token: str) -> Any:
        if self._jwks is not None:
            return self._jwks.get_key(jwt.get_unverified_header(token).get("kid"))
        return self._config.shared_secret.reveal() if self._config.shared_secret else ""

    def _find_or_create_user(
        self, session: Session, subject: str, claims: JwtClaims
    ) -> User | None:
        issuer = str(self._config.issuer)
        existing = Users(session).get_by_subject(issuer, subject)
        if existing is not None or not self._config.auto_provision:
            return existing
        claimed_email = claims.get("email")
        created = Users(session).add(
            invent_email(issuer, subject),
            claimed_email=claimed_email if is_email(claimed_email) else None,
            jwt_issuer=issuer,
            jwt_subject=subject,
        )
        if created is None:  # another request created the user at the same time
            return Users(session).get_by_subject(issuer, subject)
        audit.record_action(session, "user.added", user_id=created.id, subject=f"user:{created.id}")
        return created


def check_times(claims: JwtClaims, *, longest: timedelta, now: datetime) -> None:
    """Errors: Unauthorized for a time that is no number, and for a token that lasts too long.

    RFC 7519, section 2: a NumericDate is a JSON number, with or without a fraction.
    """
    for name in TIME_CLAIMS:
        value = claims.get(name)
        if name in claims and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Unauthorized(f"the token's {name} is no number")
    if claims["exp"] > now.timestamp() + (longest + CLOCK_LEEWAY).total_seconds():
        raise Unauthorized("the token is valid for longer than JWT_MAX_LIFETIME_HOURS allows")


def read_subject(value: object) -> str:
    """Return the subject as text: 4711 and "4711" are the same user of the host application.

    Errors: Unauthorized.
    """
    is_number = isinstance(value, int) and not isinstance(value, bool)
    subject = str(value) if is_number or isinstance(value, str) else ""
    is_readable = subject.isprintable() and not is_blank(subject)
    if len(subject) > MAX_SUBJECT_LENGTH or not is_readable:
        raise Unauthorized("the token has no usable subject")
    return subject


def invent_email(issuer: str, subject: str) -> str:
    """Return an e-mail under .invalid (RFC 2606), which nobody can own and nobody signs in with."""
    local_part = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:24]
    return f"{local_part}@host.invalid"
