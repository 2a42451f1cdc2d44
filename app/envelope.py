"""Says what went wrong: one envelope on every JSON route, a page everywhere else.

Must not decide what is wrong, and never lets the text of an unknown exception out.
"""

import math
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.context import request_id
from app.errors import KINDS, code_of, is_ours, status_of, wait_of
from app.language import locale
from app.words import words

log = structlog.get_logger(__name__)

MACHINES = ("/api/", "/m/", "/healthz", "/readyz", "/metrics", "/openapi.json")
REDIRECTS = range(300, 400)


@dataclass(frozen=True)
class Problem:
    """One error as everybody may see it; `user_message` and `suggestion` are for people."""

    code: str
    status: int
    message: str
    user_message: str
    suggestion: str
    retryable: bool
    retry_after: int | None
    details: dict[str, Any]
    request_id: str

    def envelope(self) -> dict[str, Any]:
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


def speak(app: Flask) -> None:
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException) and error.code in REDIRECTS:
        return error
    if not is_ours(error) and code_of(error) == "INTERNAL_ERROR":
        log.error("request.failed", error=type(error).__name__, exc_info=error)
    said = problem(error)
    is_for_machines = request.path.startswith(MACHINES)
    response = make_response(
        jsonify(said.envelope()) if is_for_machines else render_template("error.html", said=said),
        said.status,
    )
    if said.retry_after is not None:
        response.headers["Retry-After"] = str(said.retry_after)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def problem(error: Exception) -> Problem:
    """Anything that went wrong, in our words and the reader's language."""
    code = code_of(error)
    said = words(code, locale())
    wait = wait_of(error)
    return Problem(
        code=code,
        status=status_of(error, code),
        message=message(error, code),
        user_message=said.says,
        suggestion=said.next,
        retryable=KINDS[code].retryable,
        retry_after=math.ceil(wait.total_seconds()) if wait else None,
        details=details(error, code),
        request_id=request_id(),
    )


def message(error: Exception, code: str) -> str:
    """For developers. Whatever is not ours is named by its code alone."""
    if is_ours(error):
        return str(error)
    if isinstance(error, HTTPException) and error.description:
        return error.description
    return code.replace("_", " ").lower()


def details(error: Exception, code: str) -> dict[str, Any]:
    found = dict(getattr(error, "details", {})) if is_ours(error) else {}
    if log_id := getattr(error, "log_id", None):
        found["logId"] = log_id
    if is_ours(error) and (own := getattr(error, "code", code)) != code:
        found["platformCode"] = own
    return found
