"""Grants, authorization codes and tokens of both logins.

Source: Meta, access tokens, get-long-lived, business-login, Facebook Login for Business, read
2026-11-22. A token never carries its permissions: they are those of its grant.
"""

import secrets
from dataclasses import dataclass, field

FACEBOOK, INSTAGRAM = "facebook", "instagram"
USER, PAGE, SYSTEM_USER, APP, INSTAGRAM_USER = "USER", "PAGE", "SYSTEM_USER", "APP", "INSTAGRAM"


@dataclass
class MetaGrant:
    """What a person, or an Instagram account, granted to the app.

    `page_ids` and `account_ids`: what was ticked in the dialog. `client_business_id`: the portfolio
    of a business integration system user.
    """

    key: str
    flavour: str
    scopes: tuple[str, ...]
    declined: tuple[str, ...] = ()
    person_id: str | None = None
    account_id: str | None = None  # of an Instagram Login
    page_ids: tuple[str, ...] = ()
    account_ids: tuple[str, ...] = ()
    client_business_id: str | None = None
    is_system_user: bool = False
    is_revoked: bool = False


@dataclass(frozen=True)
class MetaCode:
    """An authorization code, bound to the app and the redirect URI that it was issued for."""

    grant_key: str
    client_id: str
    redirect_uri: str
    expires_at: float


@dataclass
class MetaToken:
    """A token. `expires_at` is None if it never expires; `dead_subcode` ends it at once."""

    value: str = field(repr=False)
    kind: str
    grant_key: str
    issued_at: float
    expires_at: float | None
    is_short: bool = False
    page_id: str | None = None
    parent: str | None = field(default=None, repr=False)  # the user token of a Page token
    dead_subcode: int | None = None
    data_access_expires_at: float = 0.0


class MetaTokens:
    """All grants, codes and tokens; guarded by the lock of the state."""

    def __init__(self) -> None:
        self.grants: dict[str, MetaGrant] = {}
        self._codes: dict[str, MetaCode] = {}
        self._used_codes: set[str] = set()
        self._tokens: dict[str, MetaToken] = {}

    def save_grant(self, grant: MetaGrant) -> None:
        """Replace the grant of the same person or account: its older tokens follow it."""
        self.grants[grant.key] = grant

    def issue_code(self, code: MetaCode) -> str:
        value = "AQ" + secrets.token_urlsafe(96)
        self._codes[value] = code
        return value

    def find_code(self, value: str) -> MetaCode | None:
        return self._codes.get(value)

    def is_code_used(self, value: str) -> bool:
        return value in self._used_codes

    def use_code(self, value: str) -> None:
        self._codes.pop(value, None)
        self._used_codes.add(value)

    def issue_token(
        self,
        kind: str,
        grant: MetaGrant,
        *,
        now: float,
        seconds: float | None,
        is_short: bool = False,
        data_access_seconds: float = 0.0,
    ) -> MetaToken:
        """Issue a token of a login. Units: `now` since 1970, durations in seconds; None: no end."""
        prefix = "IGAA" if kind == INSTAGRAM_USER else "EAA"
        token = MetaToken(
            prefix + secrets.token_hex(60),
            kind,
            grant.key,
            issued_at=now,
            expires_at=None if seconds is None else now + seconds,
            is_short=is_short,
            data_access_expires_at=now + data_access_seconds if data_access_seconds else 0.0,
        )
        self._tokens[token.value] = token
        return token

    def page_token(self, parent: MetaToken, page_id: str, *, now: float) -> MetaToken:
        """Return the Page's token of a user token: one without an end if that is long-lived."""
        for token in self._tokens.values():
            is_same = (token.parent, token.page_id) == (parent.value, page_id)
            if is_same and token.dead_subcode is None:
                return token
        token = MetaToken(
            "EAAP" + secrets.token_hex(60),
            PAGE,
            parent.grant_key,
            issued_at=now,
            expires_at=parent.expires_at if parent.is_short else None,
            page_id=page_id,
            parent=parent.value,
            data_access_expires_at=parent.data_access_expires_at,
        )
        self._tokens[token.value] = token
        return token

    def revoke_grant(self, grant: MetaGrant, *, subcode: int) -> None:
        """End the grant and its tokens, which stay dead when the person consents again."""
        grant.is_revoked = True
        for token in self.tokens_of(grant.key):
            token.dead_subcode = token.dead_subcode or subcode

    def find_token(self, value: str) -> MetaToken | None:
        return self._tokens.get(value)

    def replace_value(self, token: MetaToken, *, expires_at: float, now: float) -> MetaToken:
        """Issue another text for a token; the old one stays valid until its own end."""
        new_token = MetaToken(
            token.value[:4] + secrets.token_hex(60),
            token.kind,
            token.grant_key,
            issued_at=now,
            expires_at=expires_at,
            data_access_expires_at=token.data_access_expires_at,
        )
        self._tokens[new_token.value] = new_token
        return new_token

    def tokens_of(self, grant_key: str) -> list[MetaToken]:
        return [token for token in self._tokens.values() if token.grant_key == grant_key]

    def all_tokens(self) -> list[MetaToken]:
        return list(self._tokens.values())
