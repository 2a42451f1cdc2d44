"""Tokens of a host application: one issuer, one audience, one algorithm. Its ids are never ours.

Who a token speaks of is the pair of issuer and subject, looked up in `users`.
"""

import hashlib
from typing import Any

import jwt

from core import audit
from core.config.access import Jwt
from core.errors import Unauthorized
from core.people.callers import SCOPES, By, Caller
from core.people.jwks import Jwks
from db.session import Session
from db.users import User, Users

Claims = dict[str, Any]


class HostTokens:
    """Reads tokens as one installation is told to. Safe in threads."""

    def __init__(self, told: Jwt) -> None:
        self._told = told
        self._jwks = Jwks(told.jwks_url) if told.jwks_url else None

    def claims(self, token: str) -> Claims:
        """What a token truly says; may fetch the issuer's keys, so no transaction may be open.

        Errors: Unauthorized, without the reason; Unavailable if the keys cannot be had.
        """
        told = self._told
        try:
            found: Claims = jwt.decode(
                token,
                self._key(token),
                algorithms=[str(told.algorithm)],
                issuer=told.issuer,
                audience=told.audience,
                options={"require": ["exp", "iss", "aud", told.user_claim]},
            )
        except jwt.PyJWTError:
            raise Unauthorized("the token is not valid") from None
        return found

    def caller(self, session: Session, claims: Claims) -> Caller:
        """Errors: Unauthorized for whom we do not know, unless they may introduce themselves."""
        subject = claims[self._told.user_claim]
        if not isinstance(subject, str | int) or isinstance(subject, bool) or subject == "":
            raise Unauthorized("the token names nobody")
        user = self._user(session, str(subject), claims)
        if user is None or user.disabled_at is not None:
            raise Unauthorized("the token speaks of somebody we do not know")
        scopes = frozenset(self._told.scopes) & frozenset(SCOPES)
        return Caller(user.id, By.JWT, scopes, user.email, user.locale)

    def _key(self, token: str) -> Any:
        if self._jwks is not None:
            return self._jwks.key(jwt.get_unverified_header(token).get("kid"))
        return self._told.shared.reveal() if self._told.shared else ""

    def _user(self, session: Session, subject: str, claims: Claims) -> User | None:
        issuer = str(self._told.issuer)
        known = Users(session).by_subject(issuer, subject)
        if known is not None or not self._told.auto_provision:
            return known
        email = address(claims.get("email"), issuer, subject)
        new = Users(session).add(email, jwt_issuer=issuer, jwt_subject=subject)
        if new is None:  # the e-mail is taken: a claim is no proof that it is the same person
            return Users(session).by_subject(issuer, subject)
        audit.note(session, "user.added", user_id=new.id, subject=f"user:{new.id}")
        return new


def address(claimed: object, issuer: str, subject: str) -> str:
    """The e-mail a host names, or one that can belong to nobody else."""
    if isinstance(claimed, str) and "@" in claimed:
        return claimed
    name = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:24]
    return f"{name}@host.invalid"
