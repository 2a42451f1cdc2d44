"""Facebook Login: a Facebook user grants access to the Instagram accounts of their Pages.

Source: Meta, Instagram API with Facebook Login, manual login flow, get-long-lived, Facebook Login
for Business, read 2026-11-22.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

import structlog

from platforms.errors import (
    PlatformError,
    Rejected,
    Revoked,
    TokenExpired,
    Unavailable,
    UnreadableResponse,
)
from platforms.http import SAFE_RETRY, TOKEN_RETRY, HttpRetryPolicy
from platforms.instagram.accounts import find_accounts, find_one_account
from platforms.instagram.debug_token import DebuggedToken, debug_token
from platforms.instagram.error_catalogue import INVALID_PARAMETER, NOT_READABLE, UNKNOWN_PATH
from platforms.instagram.graph import GraphClient
from platforms.instagram.permissions import RENEWAL_WINDOW, facebook_rules
from platforms.instagram.responses import UnknownAddress
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
from platforms.vendor_values import (
    read_flag,
    read_id,
    read_list,
    read_named_id,
    read_object,
    read_text,
)

log = structlog.get_logger(__name__)

MAX_NAME_LENGTH = 255  # characters of a name that are kept
MAX_PERMISSION_LENGTH = 100  # characters
FORM_REFUSED_CODES = frozenset({INVALID_PARAMETER.code, NOT_READABLE.code, UNKNOWN_PATH.code})


@dataclass(frozen=True)
class FacebookLogin:
    """Connects Facebook users and finds their accounts. Errors of every call: PlatformError."""

    graph: GraphClient

    @property
    def rules(self) -> FlowRules:
        extra = self.graph.app.extra
        return facebook_rules(
            extra.get("refresh_window") or RENEWAL_WINDOW,
            has_businesses=bool(extra.get("business_management")),
        )

    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        force_consent: bool = False,
        code_verifier: str | None = None,
    ) -> str:
        """Return the URL of the dialog. A configuration of the app replaces the list of scopes.

        `force_consent`: ask again for permissions that were declined before.
        """
        del code_verifier  # the page does not document it
        app = self.graph.app
        query = {
            "client_id": app.client_key,
            "redirect_uri": app.redirect_uri,
            "state": state,
            "response_type": "code",
        }
        config_id = app.extra.get("config_id")
        if config_id:
            query["config_id"] = str(config_id)
        else:
            query["scope"] = ",".join(tuple(scopes) or app.scopes or self.rules.default_scopes)
        if force_consent:
            query["auth_type"] = "rerequest"
        base_url = self.graph.base_url("meta_auth")
        return f"{base_url}/{self.graph.version}/dialog/oauth?{urlencode(query)}"

    def exchange_code(self, code: str, *, code_verifier: str | None = None) -> LoginGrant:
        """Exchange a code for a short token and that for one of about 60 days.

        A system user's token comes at once and is not exchanged; without a lifetime it has no end.
        `identify` says whose token it is.
        Errors: Revoked if the code was used or has expired; AppRefused, Rejected, Unavailable.
        """
        del code_verifier
        params = {"code": strip_code(code), "redirect_uri": self.graph.app.redirect_uri}
        grant = self._request_token("fb_code_exchange", params, TOKEN_RETRY)
        if grant.lifetime is None or self.graph.app.extra.get("config_id"):
            debugged = self._try_debug(grant.access_token)
            if debugged is not None and debugged.is_system_user:
                lifetime = grant.lifetime or debugged.lifetime
                return replace(grant, lifetime=lifetime, has_no_end=lifetime is None)
        return replace(self._extend_token(grant.access_token), login_id=None)

    def identify(self, grant: LoginGrant) -> LoginIdentity:
        """Ask who signed in and which permissions were granted; they are never assumed."""
        fields = "id,client_business_id" if grant.has_no_end else "id,name"
        body = self.graph.get(
            "me", grant.access_token, endpoint="me", params={"fields": fields}
        ).body
        login_id = read_named_id(body.get("id"))
        business_id = read_id(body.get("client_business_id"))
        return LoginIdentity(
            login_id=login_id,
            display_name=read_text(body.get("name"), MAX_NAME_LENGTH),
            scopes=self._fetch_scopes(grant.access_token),
            details={} if business_id is None else {"client_business_id": business_id},
        )

    def find_destinations(self, grant: LoginGrant) -> FoundDestinations:
        return find_accounts(self.graph, grant.access_token)

    def renew(self, *, access_token: Secret, refresh_token: Secret | None) -> LoginGrant:
        """Exchange a token that is still valid for a new one. Safe to repeat: both stay valid.

        Errors: Revoked if the token has ended; else as `exchange_code`.
        """
        del refresh_token  # Facebook has none
        try:
            return self._extend_token(access_token)
        except TokenExpired as error:
            raise as_revoked(error) from None

    def inspect_token(self, token: Secret) -> TokenInspection | None:
        return debug_token(self.graph, token).inspection

    def fetch_destination(self, external_id: str, token: Secret) -> Destination | None:
        return find_one_account(self.graph, token, external_id)

    def revoke(self, token: Secret) -> None:
        """Withdraw all permissions, which removes the app. A dead token has none to withdraw."""
        try:
            body = self.graph.delete("me/permissions", token, endpoint="me_permissions").body
        except (TokenExpired, Revoked):
            return
        if read_flag(body.get("success")) is False:
            raise Unavailable("the platform did not withdraw the permissions")

    def _request_token(
        self, endpoint: str, params: Mapping[str, Any], retry: HttpRetryPolicy
    ) -> LoginGrant:
        """Send the secrets in a form, as clients do, or by GET if that is refused.

        Meta's pages show GET. A request whose form is refused has used up no code.
        """
        app = self.graph.app
        credentials = {"client_id": app.client_key, "client_secret": app.client_secret}

        def send(method: Literal["GET", "POST"]) -> LoginGrant:
            response = self.graph.call(
                method,
                self.graph.graph_url("oauth/access_token"),
                None,
                endpoint=endpoint,
                params={**credentials, **params},
                retry=retry,
            )
            return read_grant(response.body)

        try:
            return send("POST")
        except (Rejected, UnknownAddress) as error:
            if isinstance(error, Rejected) and error.code not in FORM_REFUSED_CODES:
                raise
            return send("GET")

    def _extend_token(self, token: Secret) -> LoginGrant:
        """Return the long-lived token, with what `debug_token` adds to it if it answers."""
        params = {"grant_type": "fb_exchange_token", "fb_exchange_token": token}
        grant = self._request_token("fb_exchange_token", params, SAFE_RETRY)
        debugged = self._try_debug(grant.access_token)
        if debugged is None:
            return grant
        return replace(
            grant,
            lifetime=grant.lifetime or debugged.lifetime,
            login_id=debugged.user_id,
            data_access_until=debugged.inspection.data_access_until,
        )

    def _try_debug(self, token: Secret) -> DebuggedToken | None:
        """Return what Meta says of a new token; None if it does not answer: the token is good."""
        try:
            return debug_token(self.graph, token)
        except PlatformError as error:
            log.warning("instagram.token_not_inspected", code=error.code, log_id=error.log_id)
            return None

    def _fetch_scopes(self, token: Secret) -> tuple[str, ...]:
        """Return the granted permissions, for a system user from `debug_token` if need be."""
        try:
            body = self.graph.get("me/permissions", token, endpoint="me_permissions").body
            if "data" in body:
                return tuple(iter_granted(body))
        except Rejected:
            log.info("instagram.permissions_not_listed")
        inspection = debug_token(self.graph, token).inspection
        if not inspection.is_valid:
            raise UnreadableResponse("the response does not name the granted permissions")
        return inspection.scopes


def iter_granted(body: Mapping[str, Any]) -> Iterable[str]:
    for item in map(read_object, read_list(body.get("data"))):
        name = read_text((item or {}).get("permission"), MAX_PERMISSION_LENGTH)
        status = read_text((item or {}).get("status"), MAX_PERMISSION_LENGTH)
        if name is not None and status is not None and status.lower() == "granted":
            yield name
