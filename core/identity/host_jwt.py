"""Verifies the JWTs of the host application and finds the user that each one names.

The subject of a token is an id of the host application, never one of ours: issuer and subject
together are looked up in the table `users`.
"""

import hashlib
from typing import Any

import jwt

from core import audit
from core.config.host_jwt import HostJwtSettings
from core.errors import Unauthorized
from core.identity.jwks import JwksClient
from core.identity.principals import SCOPES, AuthMethod, Principal
from db.identity.users import User, Users
from db.session import Session

JwtClaims = dict[str, Any]


class HostTokenVerifier:
    """Verifies tokens of the configured issuer, audience and algorithm. Thread-safe."""

    def __init__(self, config: HostJwtSettings) -> None:
        self._config = config
        self._jwks = JwksClient(config.jwks_url) if config.jwks_url else None

    def verify(self, token: str) -> JwtClaims:
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
                options={"require": ["exp", "iss", "aud", config.user_claim]},
            )
        except jwt.PyJWTError:
            raise Unauthorized("the token is not valid") from None
        return claims

    def load_principal(self, session: Session, claims: JwtClaims) -> Principal:
        """Return the principal that the claims name, creating the user if `auto_provision` is on.

        Errors: Unauthorized if the user is unknown or disabled.
        """
        subject = claims[self._config.user_claim]
        if not isinstance(subject, str | int) or isinstance(subject, bool) or subject == "":
            raise Unauthorized("the token has no usable subject")
        user = self._find_or_create_user(session, str(subject), claims)
        if user is None or user.disabled_at is not None:
            raise Unauthorized("the user of this token is unknown or disabled")
        scopes = frozenset(self._config.scopes) & frozenset(SCOPES)
        return Principal(user.id, AuthMethod.JWT, scopes, user.email, user.locale)

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
        email = email_for_subject(claims.get("email"), issuer, subject)
        created = Users(session).add(email, jwt_issuer=issuer, jwt_subject=subject)
        if created is None:  # another user has this e-mail, and a claim does not prove who owns it
            return Users(session).get_by_subject(issuer, subject)
        audit.record_action(session, "user.added", user_id=created.id, subject=f"user:{created.id}")
        return created


def email_for_subject(claimed_email: object, issuer: str, subject: str) -> str:
    """Return the e-mail of the token, or an invented one under .invalid (RFC 2606)."""
    if isinstance(claimed_email, str) and "@" in claimed_email:
        return claimed_email
    local_part = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:24]
    return f"{local_part}@host.invalid"
