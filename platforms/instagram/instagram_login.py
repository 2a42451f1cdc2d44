"""Instagram Login: a professional account grants access to itself, without a Facebook Page.

Source: Meta, Business Login for Instagram (2026-03-13), access_token (2026-03-09),
refresh_access_token, read 2026-11-22.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import structlog

from platforms.errors import PlatformError, Rejected, TokenExpired
from platforms.http import SAFE_RETRY, TOKEN_RETRY
from platforms.instagram.accounts import describe_account
from platforms.instagram.graph import GraphClient
from platforms.instagram.permissions import RENEWAL_WINDOW, instagram_rules
from platforms.instagram.token_responses import as_revoked, read_grant, strip_code
from platforms.logins import (
    Destination,
    FlowRules,
    FoundDestinations,
    LoginGrant,
    LoginIdentity,
    TokenInspection,
)
from platforms.secret import Secret
from platforms.vendor_values import find_field, read_named_id, read_names, read_object, read_text

log = structlog.get_logger(__name__)

ME_FIELDS = (
    "user_id,username,name,account_type,profile_picture_url,followers_count,follows_count,"
    "media_count,id"
)
MAX_TYPE_LENGTH = 50  # characters of an account type that are kept


@dataclass(frozen=True)
class InstagramLogin:
    """Connects professional accounts. Errors of every call: PlatformError.

    `user_id` of `/me` names the account in paths and webhooks; `id` is another number.
    """

    graph: GraphClient

    @property
    def rules(self) -> FlowRules:
        return instagram_rules(self.graph.app.extra.get("refresh_window") or RENEWAL_WINDOW)

    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        force_consent: bool = False,
        code_verifier: str | None = None,
    ) -> str:
        """Return the URL of the dialog, without the offer to log in with Facebook.

        It always asks who signs in, as Meta recommends: the browser may be signed in to another
        account. So `force_consent` changes nothing.
        """
        del code_verifier, force_consent
        app = self.graph.app
        query = {
            "client_id": app.client_key,
            "redirect_uri": app.redirect_uri,
            "response_type": "code",
            "scope": ",".join(tuple(scopes) or app.scopes or self.rules.default_scopes),
            "state": state,
            "enable_fb_login": "false",
            "force_reauth": "true",
        }
        return f"{self.graph.base_url('instagram_auth')}/oauth/authorize?{urlencode(query)}"

    def exchange_code(self, code: str, *, code_verifier: str | None = None) -> LoginGrant:
        """Exchange a code for a token of an hour and that for one of about 60 days.

        The `user_id` of the answer is not used: pages and clients differ on which id it is. If the
        answer names no permissions, the requested ones were granted (RFC 6749 section 5.1).
        Errors: Revoked if the code was used or has expired; AppRefused, Rejected, Unavailable.
        """
        del code_verifier
        app = self.graph.app
        form = {
            "client_id": app.client_key,
            "client_secret": app.client_secret,
            "grant_type": "authorization_code",
            "redirect_uri": app.redirect_uri,
            "code": strip_code(code),
        }
        response = self.graph.call(
            "POST",
            f"{self.graph.base_url('instagram_api')}/oauth/access_token",
            None,
            endpoint="ig_code_exchange",
            params=form,
            retry=TOKEN_RETRY,
        )
        answer = unwrap_answer(response.body)
        params = {
            "grant_type": "ig_exchange_token",
            "client_secret": app.client_secret,
            "access_token": read_grant(answer).access_token,
        }
        grant = self._request_token("access_token", "ig_exchange_token", params)
        requested = app.scopes or self.rules.default_scopes
        return replace(grant, scopes=read_permissions(answer) or grant.scopes or requested)

    def identify(self, grant: LoginGrant) -> LoginIdentity:
        """Ask which account signed in. Its permissions are those of the token's own answer."""
        node = self._fetch_me(grant.access_token)
        login_id, alias = read_named_id(node.get("user_id")), read_named_id(node.get("id"))
        account = describe_account(login_id or "", node)
        return LoginIdentity(
            login_id=login_id,
            aliases=(alias,) if alias is not None and alias != login_id else (),
            display_name=account.name or None,
            avatar_url=account.avatar_url,
            scopes=grant.scopes,
        )

    def find_destinations(self, grant: LoginGrant) -> FoundDestinations:
        account = self._fetch_account(grant.access_token)
        return FoundDestinations((account,) if account else (), is_complete=account is not None)

    def renew(self, *, access_token: Secret, refresh_token: Secret | None) -> LoginGrant:
        """Extend a token that is at least a day old; it may stay the same text.

        Meta's page shows no account in the answer, so it is asked whose the new token is; a call
        that fails says nothing, and the token is kept. Safe to repeat.
        Errors: Revoked if the token has ended; else as `exchange_code`.
        """
        del refresh_token  # the access token is renewed by itself
        params = {"grant_type": "ig_refresh_token", "access_token": access_token}
        try:
            grant = self._request_token("refresh_access_token", "ig_refresh_token", params)
            if grant.access_token == access_token:
                return grant
            return replace(grant, login_id=self._find_owner(grant.access_token))
        except TokenExpired as error:
            raise as_revoked(error) from None
        except Rejected:
            # a dead token was also refused as an "unsupported request"; one too young may be too
            self._require_living_token(access_token)
            raise

    def inspect_token(self, token: Secret) -> TokenInspection | None:
        """Tell a dead token by a call; of a living one this host says nothing more."""
        try:
            self._fetch_me(token)
        except TokenExpired as error:
            return TokenInspection(is_valid=False, code=error.code)
        return None

    def fetch_destination(self, external_id: str, token: Secret) -> Destination | None:
        account = self._fetch_account(token)
        is_same = account is not None and account.external_id == external_id
        return account if is_same else None

    def revoke(self, token: Secret) -> None:
        """Do nothing: Meta documents no call for it; people remove apps in Instagram's settings."""
        del token

    def _request_token(self, path: str, endpoint: str, params: Mapping[str, Any]) -> LoginGrant:
        """Call an endpoint that takes GET without a version and everything in the URL."""
        response = self.graph.call(
            "GET",
            f"{self.graph.base_url('instagram_graph')}/{path}",
            None,
            endpoint=endpoint,
            params=params,
            retry=SAFE_RETRY,
        )
        grant = read_grant(response.body)
        return replace(grant, scopes=read_permissions(response.body))

    def _fetch_me(self, token: Secret) -> Mapping[str, Any]:
        body = self.graph.get("me", token, endpoint="me", params={"fields": ME_FIELDS}).body
        return unwrap_answer(body) if "user_id" not in body else body

    def _find_owner(self, token: Secret) -> str | None:
        """Return whose token it is; None if nothing says so."""
        try:
            return read_named_id(self._fetch_me(token).get("user_id"))
        except PlatformError as error:
            log.warning("instagram.token_not_inspected", code=error.code, log_id=error.log_id)
            return None

    def _fetch_account(self, token: Secret) -> Destination | None:
        node = self._fetch_me(token)
        account_id = read_named_id(node.get("user_id"))
        if account_id is None:
            return None
        account_type = read_text(node.get("account_type"), MAX_TYPE_LENGTH)
        return replace(
            describe_account(account_id, node), account_type=account_type and account_type.upper()
        )

    def _require_living_token(self, token: Secret) -> None:
        """Errors: Revoked if the token is dead. Whatever else the call brings says nothing."""
        try:
            self._fetch_me(token)
        except TokenExpired as error:
            raise as_revoked(error) from None
        except PlatformError:
            return


def unwrap_answer(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer that is flat, as clients see it, or the only item of `data`."""
    if find_field(body, "access_token") is not None:
        return body
    return read_object(body.get("data")) or body


def read_permissions(answer: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the granted permissions of a list or a text; None if the answer names none."""
    return read_names(answer.get("permissions")) or None
