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

from app.context import caller, house, page, request_id, visitor
from app.envelope import answer, problem
from app.errors import OAUTH, code_of
from core import accounts
from core.errors import Away, CoreError, Misconfigured
from core.people.callers import By
from core.watch import metrics
from db.base import PROVIDERS
from db.session import StoreAway
from db.states import LIFETIME

PLATFORM = f"<any({', '.join(PROVIDERS)}):platform>"


class Guard(TypedDict):
    path: str
    httponly: bool
    samesite: str
    secure: bool


blueprint = Blueprint("connect", __name__)
log = structlog.get_logger(__name__)


@blueprint.errorhandler(CoreError)
def explained(error: CoreError) -> Response | HTTPException:
    """A person on the way reads a page, though these addresses lie among those for programs."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
        return answer(error)
    said = problem(error)
    response = make_response(render_template("error.html", said=said), said.status)
    if said.retry_after is not None:
        response.headers["Retry-After"] = str(said.retry_after)
    return response


@blueprint.get(f"/api/auth/{PLATFORM}")
@page("accounts:write")
def start(platform: str) -> Response:
    """Send the browser to the platform; `switch=1` adds an account, `next` is a path of ours."""
    try:
        with house().database.transaction() as session:
            departure = accounts.begin(
                session,
                house().world,
                user_id=caller().user_id,
                provider=platform,
                next_path=request.args.get("next"),
                switch=request.args.get("switch") == "1",
            )
    except Exception as error:  # noqa: BLE001 - a person is on the way, and must arrive somewhere
        return failed(platform, said(error))
    count(platform, "ok")
    answer = redirect(departure.url)
    answer.set_cookie(cookie(platform), departure.state, max_age=LIFETIME, **guarded())
    return answer


@blueprint.get(f"/api/auth/{PLATFORM}/callback")
def callback(platform: str) -> Response:
    """Where the platform sends the browser back to, with a code or with its refusal."""
    fault = refusal(platform)
    answer = failed(platform, fault) if fault else arrive(platform)
    answer.delete_cookie(cookie(platform), **guarded())
    return answer


def refusal(platform: str) -> str | None:
    """What is wrong with this return before anything of it is used."""
    asked = request.args
    if "error" in asked:
        return accounts.said(asked["error"], asked.get("error_type"))
    if not asked.get("code"):
        return "missing_code"
    if not asked.get("state"):
        return "invalid_request"
    who = visitor()
    if who is None or who.kind != By.SESSION:
        return "unauthorized"
    known = request.cookies.get(cookie(platform), "")
    return None if hmac.compare_digest(known.encode(), asked["state"].encode()) else "invalid_state"


def arrive(platform: str) -> Response:
    try:
        arrival = accounts.complete(
            house().database,
            house().world,
            user_id=caller().user_id,
            provider=platform,
            code=request.args["code"],
            state=request.args["state"],
        )
    except Exception as error:  # noqa: BLE001 - a person is on the way, and must arrive somewhere
        return failed(platform, said(error))
    count(platform, "ok")
    back = arrival.next_path or page_of(platform)
    told = urlencode({"success": "true", "account": arrival.account_id})
    return redirect(f"{back}{'&' if '?' in back else '?'}{told}")


def said(error: Exception) -> str:
    """A code of the catalogue for whatever kept us from connecting; the unforeseen is logged."""
    known = isinstance(error, CoreError | StoreAway)
    log.warning("connect.failed", error=type(error).__name__, exc_info=not known)
    if isinstance(error, StoreAway | Away):
        return "service_unavailable"
    if isinstance(error, Misconfigured):
        return "oauth_not_configured"
    code = code_of(error)
    return code if code in OAUTH else "callback_failed"


def failed(platform: str, code: str) -> Response:
    """Back to the page that explains `code`; who is not signed in signs in on the way."""
    count(platform, "failed", code)
    log.warning("connect.refused", platform=platform, code=code, why=accounts.BEHIND.get(code))
    back = f"{page_of(platform)}?{urlencode({'error': code, 'ref': request_id()})}"
    return redirect(url_for("dashboard.login", next=back) if code == "unauthorized" else back)


def count(platform: str, outcome: str, code: str = "") -> None:
    step = (request.endpoint or "").rpartition(".")[2]
    metrics.OAUTH_FLOW.labels(platform, step, outcome, code).inc()


def page_of(platform: str) -> str:
    return f"/platforms/connect/{platform}"


def cookie(platform: str) -> str:
    return f"{platform}_oauth_state"


def guarded() -> Guard:
    secure = house().settings.is_production
    return {"path": "/", "httponly": True, "samesite": "Lax", "secure": secure}
