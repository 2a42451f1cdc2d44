"""To a platform's consent page and back. Must not say more in an address than a code and an id.

Every way ends in a redirect: a person is on the way, and reads a page and not an envelope.
"""

import hmac
from typing import TypedDict
from urllib.parse import urlencode

import structlog
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.http.context import (
    current_container,
    current_principal,
    find_principal,
    request_id,
    require_login,
)
from app.http.errors import OAUTH_ERRORS, build_problem, get_error_code, handle_error
from core import accounts
from core.errors import CoreError, Misconfigured, ServiceUnavailable
from core.identity.principals import AuthMethod
from core.observability import metrics
from db.accounts.oauth_states import STATE_LIFETIME
from db.base import PROVIDERS
from db.session import DatabaseUnavailable

PLATFORM_URL_PARAM = f"<any({', '.join(PROVIDERS)}):platform>"


class CookieOptions(TypedDict):
    path: str
    httponly: bool
    samesite: str
    secure: bool


blueprint = Blueprint("connect", __name__)
log = structlog.get_logger(__name__)


@blueprint.errorhandler(CoreError)
def handle_core_error(error: CoreError) -> Response | HTTPException:
    """A person on the way reads a page, though these addresses lie among those for programs."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
        return handle_error(error)
    problem_details = build_problem(error)
    response = make_response(
        render_template("error.html", said=problem_details), problem_details.status
    )
    if problem_details.retry_after is not None:
        response.headers["Retry-After"] = str(problem_details.retry_after)
    return response


@blueprint.get(f"/api/auth/{PLATFORM_URL_PARAM}")
@require_login("accounts:write")
def start(platform: str) -> Response:
    """Send the browser to the platform; `switch=1` adds an account, `next` is a path of ours."""
    try:
        with current_container().database.transaction() as session:
            authorization = accounts.start_connection(
                session,
                current_container().services,
                user_id=current_principal().user_id,
                provider=platform,
                next_path=request.args.get("next"),
                switch_account=request.args.get("switch") == "1",
            )
    except Exception as error:
        return redirect_with_error(platform, oauth_error_code(error))
    count_outcome(platform, "ok")
    response = redirect(authorization.url)
    response.set_cookie(
        state_cookie_name(platform),
        authorization.state,
        max_age=STATE_LIFETIME,
        **state_cookie_options(),
    )
    return response


@blueprint.get(f"/api/auth/{PLATFORM_URL_PARAM}/callback")
def callback(platform: str) -> Response:
    """Where the platform sends the browser back to, with a code or with its refusal."""
    error_code = find_callback_error(platform)
    response = (
        redirect_with_error(platform, error_code) if error_code else complete_connection(platform)
    )
    response.delete_cookie(state_cookie_name(platform), **state_cookie_options())
    return response


def find_callback_error(platform: str) -> str | None:
    """What is wrong with this return before anything of it is used."""
    args = request.args
    if "error" in args:
        return accounts.callback_error_code(args["error"], args.get("error_type"))
    if not args.get("code"):
        return "missing_code"
    if not args.get("state"):
        return "invalid_request"
    principal = find_principal()
    if principal is None or principal.auth_method != AuthMethod.SESSION:
        return "unauthorized"
    expected_state = request.cookies.get(state_cookie_name(platform), "")
    return (
        None
        if hmac.compare_digest(expected_state.encode(), args["state"].encode())
        else "invalid_state"
    )


def complete_connection(platform: str) -> Response:
    try:
        connection = accounts.complete_connection(
            current_container().database,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
            code=request.args["code"],
            state=request.args["state"],
        )
    except Exception as error:
        return redirect_with_error(platform, oauth_error_code(error))
    count_outcome(platform, "ok")
    return_path = connection.next_path or connect_page_path(platform)
    query = urlencode({"success": "true", "account": connection.account_id})
    return redirect(f"{return_path}{'&' if '?' in return_path else '?'}{query}")


def oauth_error_code(error: Exception) -> str:
    """A code of the catalogue for whatever kept us from connecting; the unforeseen is logged."""
    is_expected = isinstance(error, CoreError | DatabaseUnavailable)
    log.warning("connect.failed", error=type(error).__name__, exc_info=not is_expected)
    if isinstance(error, DatabaseUnavailable | ServiceUnavailable):
        return "service_unavailable"
    if isinstance(error, Misconfigured):
        return "oauth_not_configured"
    code = get_error_code(error)
    return code if code in OAUTH_ERRORS else "callback_failed"


def redirect_with_error(platform: str, code: str) -> Response:
    """Back to the page that explains `code`; who is not signed in signs in on the way."""
    count_outcome(platform, "failed", code)
    log.warning(
        "connect.refused", platform=platform, code=code, why=accounts.ERROR_CAUSES.get(code)
    )
    return_path = f"{connect_page_path(platform)}?{urlencode({'error': code, 'ref': request_id()})}"
    return redirect(
        url_for("dashboard.show_login", next=return_path) if code == "unauthorized" else return_path
    )


def count_outcome(platform: str, outcome: str, code: str = "") -> None:
    step = (request.endpoint or "").rpartition(".")[2]
    metrics.OAUTH_STEPS.labels(platform, step, outcome, code).inc()


def connect_page_path(platform: str) -> str:
    return f"/platforms/connect/{platform}"


def state_cookie_name(platform: str) -> str:
    return f"{platform}_oauth_state"


def state_cookie_options() -> CookieOptions:
    secure = current_container().settings.is_production
    return {"path": "/", "httponly": True, "samesite": "Lax", "secure": secure}
