"""The consent page, where a creator ticks scopes and allows or denies.

Source: TikTok, login-kit-web and login-kit-desktop, read 2026-11-22. A request that is wrong gets
TikTok's own error page and no redirect; whether `state` may be absent is not documented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from werkzeug import Response

from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.tiktok import pkce
from platforms.sandbox.tiktok.creators import SandboxCreator
from platforms.sandbox.tiktok.state import TikTokState, current_tiktok
from platforms.sandbox.tiktok.tokens import AuthorizationCode

routes = Blueprint("authorize", __name__)

AUTHORIZE_PATH = "/v2/auth/authorize/"
REQUIRED_SCOPE = "user.info.basic"  # cannot be unticked
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1"})
MAX_URI_LENGTH = 512
DENIED_PARAMS = {"error": "access_denied", "error_description": "User cancelled the authorization"}
NOT_TARGET_PARAMS = {
    "error": "access_denied",
    "error_description": "The user is not a target user of this sandbox",
    "error_type": "non_sandbox_target",
}
ViewResult = Response | str | tuple[str, int]


@dataclass(frozen=True)
class AuthorizeRequest:
    """The query of an authorize request."""

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


REQUEST_CHECKS: dict[str, Callable[[TikTokState, AuthorizeRequest], bool]] = {
    "client_key": lambda tiktok, asked: asked.client_key == tiktok.client_key,
    "redirect_uri": lambda tiktok, asked: asked.redirect_uri in tiktok.redirect_uris,
    "response_type": lambda _, asked: asked.response_type == "code",
    "scope": lambda tiktok, asked: set(asked.scopes) <= set(tiktok.settings.app_scopes.split(",")),
    "state": lambda _, asked: bool(asked.state),
    "code_challenge": lambda tiktok, asked: (
        not tiktok.settings.desktop
        or pkce.is_challenge(asked.code_challenge, asked.code_challenge_method)
    ),
}


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
        "consent.html", asked=authorize_request, creators=creators, always=REQUIRED_SCOPE
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
    ticked = {REQUIRED_SCOPE, *request.form.getlist("scopes")}
    scopes = tuple(one for one in authorize_request.scopes if one in ticked)
    return redirect_back(
        authorize_request, grant_params(tiktok, authorize_request, creator, scopes)
    )


def read_request() -> AuthorizeRequest:
    return AuthorizeRequest(
        **{name: request.args.get(name, "") for name in AuthorizeRequest.__annotations__}
    )


def find_invalid_params(tiktok: TikTokState, authorize_request: AuthorizeRequest) -> list[str]:
    return [
        name for name, is_fine in REQUEST_CHECKS.items() if not is_fine(tiktok, authorize_request)
    ]


def error_page(names: list[str]) -> tuple[str, int]:
    request.environ[ENTRY_KEY].update(refused=names)
    return render_template("refused.html", names=names), 400


def grant_params(
    tiktok: TikTokState,
    authorize_request: AuthorizeRequest,
    creator: SandboxCreator,
    scopes: tuple[str, ...],
) -> dict[str, str]:
    """What the callback is told: `scopes`, plural, are those granted."""
    if tiktok.settings.sandbox_app and not creator.target:
        return NOT_TARGET_PARAMS
    until = tiktok.time + tiktok.settings.code_seconds
    with tiktok.lock:
        code = tiktok.tokens.issue_code(
            AuthorizationCode(
                creator.open_id,
                scopes,
                authorize_request.redirect_uri,
                authorize_request.code_challenge,
                until,
            )
        )
    request.environ[ENTRY_KEY].update(work=True, open_id=creator.open_id)
    return {"code": code, "scopes": ",".join(scopes)}


def redirect_back(authorize_request: AuthorizeRequest, params: dict[str, str]) -> Response:
    """The code's tail travels percent-encoded, as it does from TikTok."""
    response = redirect(
        f"{authorize_request.redirect_uri}?{urlencode({**params, 'state': authorize_request.state})}"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def is_registrable(uri: str) -> bool:
    """Whether TikTok would take it: https, static; http on loopback as for a desktop app."""
    url = urlsplit(uri)
    secure = url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK_HOSTS)
    return (
        secure
        and bool(url.hostname)
        and not url.query
        and "#" not in uri
        and len(uri) < MAX_URI_LENGTH
    )
