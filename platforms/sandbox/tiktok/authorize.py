"""The consent page, on which a creator selects scopes and allows or denies access.

Source: TikTok, login-kit-web and login-kit-desktop, read 2026-11-22. An invalid request gets
TikTok's own error page and no redirect; whether `state` may be absent is not documented.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from werkzeug import Response

from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.tiktok import pkce
from platforms.sandbox.tiktok.creators import SandboxCreator
from platforms.sandbox.tiktok.state import TikTokState, current_tiktok
from platforms.sandbox.tiktok.tokens import AuthorizationCode
from platforms.sandbox.urls import is_https_or_loopback

routes = Blueprint("authorize", __name__)

AUTHORIZE_PATH = "/v2/auth/authorize/"
REQUIRED_SCOPE = "user.info.basic"  # cannot be deselected
MAX_URI_LENGTH = 512  # exclusive
DENIED_PARAMS = {"error": "access_denied", "error_description": "User cancelled the authorization"}
NOT_TARGET_PARAMS = {
    "error": "access_denied",
    "error_description": "The user is not a target user of this sandbox",
    "error_type": "non_sandbox_target",
}
ViewResult = Response | str | tuple[str, int]


@dataclass(frozen=True)
class AuthorizeRequest:
    """The query parameters of a request for consent."""

    client_key: str
    scope: str
    response_type: str
    redirect_uri: str
    state: str
    code_challenge: str
    code_challenge_method: str

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.scope.split(",")))


@routes.get(AUTHORIZE_PATH)
def show_consent() -> ViewResult:
    tiktok, authorize_request = current_tiktok(), read_request()
    if invalid := find_invalid_params(tiktok, authorize_request):
        return error_page(invalid)
    creator = tiktok.creators.get(tiktok.settings.auto_consent)
    if creator and request.args.get("disable_auto_auth") != "1":
        return redirect_back(
            authorize_request,
            grant_params(tiktok, authorize_request, creator, authorize_request.scopes),
        )
    creators = list(tiktok.creators.values())
    return render_template(
        "consent.html",
        authorize_request=authorize_request,
        creators=creators,
        required_scope=REQUIRED_SCOPE,
    )


@routes.post(AUTHORIZE_PATH)
def submit_consent() -> ViewResult:
    tiktok, authorize_request = current_tiktok(), read_request()
    if invalid := find_invalid_params(tiktok, authorize_request):
        return error_page(invalid)
    if request.form.get("decision") != "allow":
        return redirect_back(authorize_request, DENIED_PARAMS)
    creator = tiktok.creators.get(request.form.get("creator", ""))
    if creator is None:
        return error_page(["creator"])
    selected = {REQUIRED_SCOPE, *request.form.getlist("scopes")}
    scopes = tuple(scope for scope in authorize_request.scopes if scope in selected)
    return redirect_back(
        authorize_request, grant_params(tiktok, authorize_request, creator, scopes)
    )


def read_request() -> AuthorizeRequest:
    return AuthorizeRequest(
        **{name: request.args.get(name, "") for name in AuthorizeRequest.__annotations__}
    )


def find_invalid_params(tiktok: TikTokState, authorize_request: AuthorizeRequest) -> list[str]:
    """Return the names of the parameters that TikTok's error page would list."""
    app_scopes = tiktok.settings.app_scopes.split(",")
    is_challenge_valid = not tiktok.settings.desktop or pkce.is_challenge(
        authorize_request.code_challenge, authorize_request.code_challenge_method
    )
    checks = {
        "client_key": authorize_request.client_key == tiktok.client_key,
        "redirect_uri": authorize_request.redirect_uri in tiktok.redirect_uris,
        "response_type": authorize_request.response_type == "code",
        "scope": set(authorize_request.scopes) <= set(app_scopes),
        "state": bool(authorize_request.state),
        "code_challenge": is_challenge_valid,
    }
    return [name for name, is_valid in checks.items() if not is_valid]


def error_page(names: list[str]) -> tuple[str, int]:
    request.environ[ENTRY_KEY].update(refused=names)
    return render_template("refused.html", names=names), 400


def grant_params(
    tiktok: TikTokState,
    authorize_request: AuthorizeRequest,
    creator: SandboxCreator,
    scopes: tuple[str, ...],
) -> dict[str, str]:
    """Issue a code and return the callback's parameters; `scopes` are the granted ones."""
    if tiktok.settings.sandbox_app and not creator.target:
        return NOT_TARGET_PARAMS
    grant = AuthorizationCode(
        creator.open_id,
        scopes,
        authorize_request.redirect_uri,
        authorize_request.code_challenge,
        expires_at=tiktok.time + tiktok.settings.code_seconds,
    )
    with tiktok.lock:
        code = tiktok.tokens.issue_code(grant)
    request.environ[ENTRY_KEY].update(work=True, open_id=creator.open_id)
    return {"code": code, "scopes": ",".join(scopes)}


def redirect_back(authorize_request: AuthorizeRequest, params: dict[str, str]) -> Response:
    """Redirect to the callback; the end of the code is percent-encoded, as TikTok does it."""
    query = urlencode({**params, "state": authorize_request.state})
    response = redirect(f"{authorize_request.redirect_uri}?{query}")
    response.headers["Cache-Control"] = "no-store"
    return response


def is_registrable(uri: str) -> bool:
    """Return whether TikTok would accept the redirect URI: https, or http on loopback as for a
    desktop app, without query and fragment.
    """
    has_query_or_fragment = bool(urlsplit(uri).query) or "#" in uri
    return is_https_or_loopback(uri) and not has_query_or_fragment and len(uri) < MAX_URI_LENGTH
