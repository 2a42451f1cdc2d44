"""Error codes of connecting an account, and the cause behind each one.

The text for users stands in `app/texts/`, the HTTP status in `app/http/errors.py`, under the same
codes. The causes here are for operators: they go to the log.
"""

from collections.abc import Mapping

from platforms.errors import AppRefused, PlatformError, RateLimited, Rejected, Revoked, Unavailable

EXCHANGE_ERROR_CODES: Mapping[type[PlatformError], str] = {
    AppRefused: "invalid_credentials",
    RateLimited: "rate_limited",
    Rejected: "token_exchange_failed",
    Revoked: "token_exchange_failed",
    Unavailable: "platform_error",
}
"""Error of the code exchange → our code."""

CALLBACK_ERROR_CODES = {
    "access_denied": "access_denied",
    "invalid_scope": "invalid_scope",
    "invalid_request": "invalid_request",
    "unsupported_response_type": "invalid_request",
    "unauthorized_client": "invalid_credentials",
    "server_error": "service_unavailable",
    "temporarily_unavailable": "service_unavailable",
}
"""The `error` parameter of the callback URL → our code. Other values are never repeated."""

ERROR_CAUSES: Mapping[str, str] = {
    "access_denied": "the user refused consent at the platform",
    "account_already_connected": "another user has connected this account",
    "account_not_eligible": "the platform gives no application access to this kind of account",
    "callback_failed": "an unexpected error in our callback: see the traceback in the log",
    "csrf_detected": "a form was sent without the CSRF token of its session",
    "invalid_credentials": "the platform does not accept the client key or the client secret",
    "invalid_grant": "the code or the refresh token is used, expired or revoked",
    "invalid_request": "the callback has no state, or the platform calls our request malformed",
    "invalid_scope": "the user left out a required scope, or this application may not have it",
    "invalid_state": "the state is unknown, used, over ten minutes old, or another browser's",
    "missing_code": "the callback URL has neither a code nor an error",
    "no_destination": "the login opens no account that can be posted to",
    "no_business_account": "no page of this user has a professional account",
    "non_sandbox_target": "the application's sandbox does not list this user as a target",
    "oauth_not_configured": "settings of this platform are missing: GET /api/platforms names them",
    "platform_error": "the code exchange was not answered, or with a 5xx or unreadable body",
    "rate_limited": "the platform answered 429",
    "service_unavailable": "the consent page or our database is unavailable, or a circuit is open",
    "token_exchange_failed": "the platform refused the code: used, expired, or another redirect",
    "unauthorized": "the callback came without a signed-in session",
    "unknown_error": "the platform gave an error that its documentation does not list",
}


def callback_error_code(error: str, error_type: str | None = None) -> str:
    """Return our code for the error that the platform put into the callback URL."""
    if error_type == "non_sandbox_target":
        return "non_sandbox_target"
    return CALLBACK_ERROR_CODES.get(error, "unknown_error")


def exchange_error_code(error: PlatformError) -> str:
    """Return our code for an error of the code exchange."""
    if error.code in CALLBACK_ERROR_CODES:
        return CALLBACK_ERROR_CODES[error.code]
    return next(
        (code for kind, code in EXCHANGE_ERROR_CODES.items() if isinstance(error, kind)),
        "unknown_error",
    )
