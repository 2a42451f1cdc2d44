"""Error responses: which code and HTTP status an exception has, and the body or page that says so.

The table of codes is here and nowhere else. The texts for people stand in `app/texts/` under the
same codes. The text of an unknown exception is logged, never sent.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from flask import Flask, Response, jsonify, make_response, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.http.context import is_api_request, request_id
from app.http.i18n import current_locale
from app.http.messages import UserMessage, get_message
from core.errors import CoreError
from db.session import DatabaseUnavailable
from platforms.errors import PlatformError
from platforms.registry import PLATFORMS

log = structlog.get_logger(__name__)

"""Errors on these paths are JSON; on all others they are a page."""

REDIRECT_STATUSES = range(300, 400)


class ErrorKind(NamedTuple):
    """The HTTP status of an error code, and whether the same request may succeed later."""

    status: int
    retryable: bool = False


RETRYABLE = True

GENERAL_ERRORS = {
    "VALIDATION_ERROR": ErrorKind(400),
    "untrusted_host": ErrorKind(400),
    "UNAUTHORIZED": ErrorKind(401),
    "invalid_login": ErrorKind(401),
    "sign_in_paused": ErrorKind(429, RETRYABLE),
    "FORBIDDEN": ErrorKind(403),
    "NOT_FOUND": ErrorKind(404),
    "METHOD_NOT_ALLOWED": ErrorKind(405),
    "REQUEST_TIMEOUT": ErrorKind(408, RETRYABLE),
    "CONFLICT": ErrorKind(409),
    "limit_reached": ErrorKind(409),
    "IDEMPOTENCY_IN_PROGRESS": ErrorKind(409, RETRYABLE),
    "PRECONDITION_FAILED": ErrorKind(412),
    "PAYLOAD_TOO_LARGE": ErrorKind(413),
    "file_too_large": ErrorKind(413),
    "UNSUPPORTED_MEDIA_TYPE": ErrorKind(415),
    "IDEMPOTENCY_MISMATCH": ErrorKind(422),
    "RATE_LIMIT_EXCEEDED": ErrorKind(429, RETRYABLE),
    "too_many_uploads": ErrorKind(429, RETRYABLE),
    "INTERNAL_ERROR": ErrorKind(500, RETRYABLE),
    "CONFIG_MISSING": ErrorKind(500),
    "crypto_error": ErrorKind(500),
    "SERVICE_UNAVAILABLE": ErrorKind(503, RETRYABLE),
    "storage_budget_exceeded": ErrorKind(507),
    "INSUFFICIENT_STORAGE": ErrorKind(507, RETRYABLE),
}
OAUTH_ERRORS = {
    "access_denied": ErrorKind(400, RETRYABLE),
    "invalid_request": ErrorKind(400, RETRYABLE),
    "missing_code": ErrorKind(400, RETRYABLE),
    "invalid_scope": ErrorKind(400),
    "no_business_account": ErrorKind(400),
    "no_destination": ErrorKind(400),
    "non_sandbox_target": ErrorKind(400),
    "account_not_eligible": ErrorKind(400),
    "unauthorized": ErrorKind(401, RETRYABLE),
    "invalid_grant": ErrorKind(401),
    "invalid_state": ErrorKind(403, RETRYABLE),
    "csrf_detected": ErrorKind(403, RETRYABLE),
    "account_already_connected": ErrorKind(409),
    "rate_limited": ErrorKind(429, RETRYABLE),
    "oauth_not_configured": ErrorKind(500),
    "invalid_credentials": ErrorKind(500, RETRYABLE),
    "callback_failed": ErrorKind(500, RETRYABLE),
    "unknown_error": ErrorKind(500, RETRYABLE),
    "platform_error": ErrorKind(502, RETRYABLE),
    "token_exchange_failed": ErrorKind(502, RETRYABLE),
    "service_unavailable": ErrorKind(503, RETRYABLE),
}
PLATFORM_ERRORS = {
    "account_required": ErrorKind(400),
    "invalid_param": ErrorKind(400),
    "invalid_file_upload": ErrorKind(400),
    "access_token_invalid": ErrorKind(401),
    "not_connected": ErrorKind(403),
    "not_supported": ErrorKind(400),
    "scope_not_authorized": ErrorKind(403),
    "permission_missing": ErrorKind(403),
    "url_unreachable": ErrorKind(400),
    "not_readable": ErrorKind(404),
    "publish_not_cancellable": ErrorKind(409),
    "not_editable": ErrorKind(409),
    "quota_exceeded": ErrorKind(429, RETRYABLE),
    "rate_limit_exceeded": ErrorKind(429, RETRYABLE),
    "disconnect_failed": ErrorKind(500, RETRYABLE),
    "upload_failed": ErrorKind(500, RETRYABLE),
    "status_query_failed": ErrorKind(500, RETRYABLE),
    "may_have_taken_effect": ErrorKind(502),
    "INVALID_RESPONSE": ErrorKind(502, RETRYABLE),
    "NETWORK_ERROR": ErrorKind(503, RETRYABLE),
    "reply_unconfirmed": ErrorKind(503, RETRYABLE),
    "server_error": ErrorKind(503, RETRYABLE),
    **{f"{name}_unavailable": ErrorKind(503, RETRYABLE) for name in PLATFORMS},
    **{
        code: ErrorKind(status, retryable)
        for platform in PLATFORMS.values()
        for code, (status, retryable) in platform.error_statuses.items()
    },
    "platform_unavailable": ErrorKind(503, RETRYABLE),
    "TIMEOUT_ERROR": ErrorKind(504, RETRYABLE),
    "timeout": ErrorKind(504, RETRYABLE),
}
WEBHOOK_ERRORS = {
    "invalid_payload": ErrorKind(400),
    "missing_signature": ErrorKind(401),
    "invalid_signature": ErrorKind(401),
    "stale_signature": ErrorKind(401),
    "verification_failed": ErrorKind(403),
    "webhook_not_configured": ErrorKind(503, RETRYABLE),
}
ERROR_KINDS = {**GENERAL_ERRORS, **OAUTH_ERRORS, **PLATFORM_ERRORS, **WEBHOOK_ERRORS}

CODE_BY_HTTP_STATUS = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    503: "SERVICE_UNAVAILABLE",
}
"""Codes for statuses that Flask sets. Other 4xx are VALIDATION_ERROR, all others INTERNAL_ERROR."""

DATABASE_RETRY_DELAY = timedelta(seconds=2)  # Retry-After while Postgres is unavailable


@dataclass(frozen=True)
class Problem:
    """One error as a client may see it; `user_message` and `suggestion` are for people."""

    code: str
    status: int
    message: str
    user_message: str
    suggestion: str
    retryable: bool
    retry_after: int | None
    details: dict[str, Any]
    request_id: str

    def to_envelope(self) -> dict[str, Any]:
        optional = {"retryAfter": self.retry_after, "details": self.details or None}
        return {
            "success": False,
            "error": {
                "code": self.code,
                "message": self.message,
                "userMessage": self.user_message,
                "suggestion": self.suggestion,
                "retryable": self.retryable,
                **{name: value for name, value in optional.items() if value is not None},
                "requestId": self.request_id,
            },
        }


def register_error_handlers(app: Flask) -> None:
    app.register_error_handler(Exception, handle_error)


def handle_error(error: Exception) -> Response | HTTPException:
    """Answer an exception with the JSON envelope or the error page; log it if it is unknown."""
    if isinstance(error, HTTPException) and error.code in REDIRECT_STATUSES:
        return error
    if not is_own_error(error) and get_error_code(error) == "INTERNAL_ERROR":
        log.error("request.failed", error=type(error).__name__, exc_info=error)
    response = problem_response(build_problem(error), as_page=not is_api_request())
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def problem_response(problem: Problem, *, as_page: bool) -> Response:
    """Build the response for a problem: a page for people, or the JSON envelope."""
    body = (
        render_template("error.html", problem=problem)
        if as_page
        else jsonify(problem.to_envelope())
    )
    response = make_response(body, problem.status)
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def build_problem(error: Exception) -> Problem:
    """Describe an exception in our codes and in the reader's language."""
    code = get_error_code(error)
    retry_after = get_retry_after(error)
    texts = describe_error(error)
    return Problem(
        code=code,
        status=get_http_status(error, code),
        message=developer_message(error, code),
        user_message=texts.message,
        suggestion=texts.suggestion,
        retryable=ERROR_KINDS[code].retryable,
        retry_after=math.ceil(retry_after.total_seconds()) if retry_after else None,
        details=error_details(error, code),
        request_id=request_id(),
    )


def describe_error(error: Exception) -> UserMessage:
    """Return the texts for people about an exception."""
    return get_message(get_error_code(error), current_locale(), wait=get_retry_after(error))


def get_error_code(error: Exception) -> str:
    """Return our code for any exception. A vendor's code that is not in the table is not sent."""
    match error:
        case CSRFError():
            return "csrf_detected"
        case DatabaseUnavailable():
            return "SERVICE_UNAVAILABLE"
        case CoreError() | PlatformError():
            candidates = (error.code, *(getattr(base, "code", "") for base in type(error).__mro__))
            return next((code for code in candidates if code in ERROR_KINDS), "INTERNAL_ERROR")
        case HTTPException(code=int(status)):
            return CODE_BY_HTTP_STATUS.get(status, default_error_code(status))
        case _:
            return "INTERNAL_ERROR"


def default_error_code(status: int) -> str:
    return "VALIDATION_ERROR" if 400 <= status < 500 else "INTERNAL_ERROR"  # noqa: PLR2004 - 4xx


def get_http_status(error: Exception, code: str) -> int:
    """Return the status of `code`, or the one that Flask chose itself, as for a 416."""
    if isinstance(error, HTTPException) and not isinstance(error, CSRFError) and error.code:
        return error.code
    return ERROR_KINDS[code].status


def get_retry_after(error: Exception) -> timedelta | None:
    if isinstance(error, DatabaseUnavailable):
        return DATABASE_RETRY_DELAY
    return getattr(error, "retry_after", None) if is_own_error(error) else None


def is_own_error(error: Exception) -> bool:
    return isinstance(error, CoreError | PlatformError)


def developer_message(error: Exception, code: str) -> str:
    """Return the message for developers. An unknown exception is named by its code alone."""
    if is_own_error(error):
        return str(error)
    if isinstance(error, HTTPException) and error.description:
        return error.description
    return code.replace("_", " ").lower()


def error_details(error: Exception, code: str) -> dict[str, Any]:
    """Return the error's details, with the platform's log id and its own code if it has them."""
    result = dict(getattr(error, "details", {})) if is_own_error(error) else {}
    if log_id := getattr(error, "log_id", None):
        result["logId"] = log_id
    if is_own_error(error) and (platform_code := getattr(error, "code", code)) != code:
        result["platformCode"] = platform_code
    return result
