"""The OAuth flow: the redirect to a platform's consent page, and the callback from it.

Both views answer with a redirect, since a person's browser follows them and needs a page rather
than JSON. The URLs we redirect to carry an error code or an account id, nothing else.
"""

import hmac
from urllib.parse import urlencode

import structlog
from flask import Blueprint, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.http.context import (
    current_container,
    current_principal,
    find_principal,
    request_id,
    require_login,
)
from app.http.cookies import cookie_attributes, cookie_name
from app.http.errors import (
    OAUTH_ERRORS,
    build_problem,
    get_error_code,
    handle_error,
    problem_response,
)
from app.http.path_prefix import add_prefix
from app.http.replica_reads import note_write
from core import accounts
from core.errors import CoreError, Misconfigured, ServiceUnavailable
from core.identity.principals import AuthMethod
from core.observability import metrics
from db.accounts.oauth_states import STATE_LIFETIME
from db.session import DatabaseUnavailable
from platforms.registry import PLATFORMS

PLATFORM_URL_PARAM = f"<any({', '.join(PLATFORMS)}):platform>"
CALLBACK_STEP = accounts.CONNECTION_STEPS[0]
LAST_STEP_INDEX = len(accounts.CONNECTION_STEPS) - 1


blueprint = Blueprint("oauth", __name__)
log = structlog.get_logger(__name__)


@blueprint.errorhandler(CoreError)
def handle_core_error(error: CoreError) -> Response | HTTPException:
    """Answer a browser with the error page, although these paths belong to the API."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return problem_response(build_problem(error), as_page=True)
    return handle_error(error)


@blueprint.get(f"/api/auth/{PLATFORM_URL_PARAM}")
@require_login("accounts:write")
def start_connection(platform: str) -> Response:
    """Redirect to the consent page; `switch=1` adds another account, `next` is a local path."""
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
    except Exception as error:  # noqa: BLE001 - any failure must lead a person to a page
        return redirect_with_error(platform, accounts.START_STEP, oauth_error_code(error))
    count_outcome(platform, accounts.START_STEP, "ok")
    response = redirect(authorization.url)
    response.set_cookie(
        state_cookie_name(platform),
        authorization.state,
        max_age=STATE_LIFETIME,
        **cookie_attributes(current_container().settings),
    )
    return response


@blueprint.get(f"/api/auth/{PLATFORM_URL_PARAM}/callback")
def handle_callback(platform: str) -> Response:
    """Receive the browser back from the platform, with a code or with an error."""
    note_write()
    error_code = find_callback_error(platform)
    if error_code is None:
        response = complete_connection(platform)
    else:
        response = redirect_with_error(platform, CALLBACK_STEP, error_code)
    response.delete_cookie(
        state_cookie_name(platform), **cookie_attributes(current_container().settings)
    )
    return response


def find_callback_error(platform: str) -> str | None:
    """Check the callback's parameters, session and state; return an error code or None."""
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
    """Exchange the code for tokens, store the account and redirect to where the user came from."""
    ended_steps: list[str] = []
    try:
        connection = accounts.complete_connection(
            current_container().database,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
            code=request.args["code"],
            state=request.args["state"],
            report_step=ended_steps.append,
        )
    except Exception as error:  # noqa: BLE001 - any failure must lead a person to a page
        failed_step = accounts.CONNECTION_STEPS[min(len(ended_steps), LAST_STEP_INDEX)]
        return redirect_with_error(platform, failed_step, oauth_error_code(error))
    finally:
        for step in ended_steps:
            count_outcome(platform, step, "ok")
    page_path = connect_page_path(platform)
    chooser_path = add_prefix(f"/platforms/{platform}/choose")
    next_path = connection.next_path or page_path
    return_path = chooser_path if connection.needs_choice else next_path
    query = urlencode({"success": "true", "account": connection.account_id})
    return redirect(f"{return_path}{'&' if '?' in return_path else '?'}{query}")


def oauth_error_code(error: Exception) -> str:
    """Return the OAuth error code for an exception; log an unexpected one with its traceback."""
    is_expected = isinstance(error, CoreError | DatabaseUnavailable)
    log.warning("connect.failed", error=type(error).__name__, exc_info=not is_expected)
    if isinstance(error, DatabaseUnavailable | ServiceUnavailable):
        return "service_unavailable"
    if isinstance(error, Misconfigured):
        return "oauth_not_configured"
    code = get_error_code(error)
    return code if code in OAUTH_ERRORS else "callback_failed"


def redirect_with_error(platform: str, step: str, code: str) -> Response:
    """Redirect to the page that explains `code`; an anonymous user passes the login page first."""
    count_outcome(platform, step, "failed", code)
    record_refusal(platform, step, code)
    log.warning(
        "connect.refused", platform=platform, code=code, cause=accounts.ERROR_CAUSES.get(code)
    )
    return_path = f"{connect_page_path(platform)}?{urlencode({'error': code, 'ref': request_id()})}"
    return redirect(
        url_for("dashboard.show_login", next=return_path) if code == "unauthorized" else return_path
    )


def record_refusal(platform: str, step: str, code: str) -> None:
    """Write it to the audit log if it is known who connects, and if there is a database."""
    if find_principal() is None:
        return
    try:
        accounts.record_refusal(current_container().database, platform, step=step, code=code)
    except DatabaseUnavailable as error:
        log.warning("connect.refusal_not_recorded", platform=platform, code=code, reason=str(error))


def count_outcome(platform: str, step: str, outcome: str, code: str = "") -> None:
    metrics.OAUTH_STEPS.labels(platform, step, outcome, metrics.bound_code(code)).inc()


def connect_page_path(platform: str) -> str:
    return add_prefix(f"/platforms/connect/{platform}")


def state_cookie_name(platform: str) -> str:
    return cookie_name(f"{platform}_oauth_state", current_container().settings)
