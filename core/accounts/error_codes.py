"""Why an account could not be connected: the codes of the catalogue, and what is behind each.

Words for people stand in `app/texts/`, statuses in `app/errors.py`, under the same codes; here is
what an operator reads. Source: contract T3.11.
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
"""Why a code could not be exchanged."""

CALLBACK_ERROR_CODES = {
    "access_denied": "access_denied",
    "invalid_scope": "invalid_scope",
    "invalid_request": "invalid_request",
    "unsupported_response_type": "invalid_request",
    "unauthorized_client": "invalid_credentials",
    "server_error": "service_unavailable",
    "temporarily_unavailable": "service_unavailable",
}
"""What a platform says in the address it sends the browser back to; the rest is not repeated."""

ERROR_CAUSES: Mapping[str, str] = {
    "access_denied": "consent was refused at the platform",
    "account_already_connected": "the account is live under another user",
    "account_not_eligible": "the platform gives this kind of account to no application",
    "callback_failed": "our own fault on the way back: the log has its traceback",
    "csrf_detected": "a form came without the token that belongs to its session",
    "invalid_credentials": "the platform does not accept client key or secret",
    "invalid_grant": "the code or the refresh token is spent, expired or revoked",
    "invalid_request": "back without a state, or the platform calls our request bad",
    "invalid_scope": "a scope asked for is not granted to this application at the platform",
    "invalid_state": "unknown, used or older than ten minutes; or of another user or browser",
    "missing_code": "neither code nor error in the address that the browser came back to",
    "no_business_account": "no page of this user has a professional account",
    "non_sandbox_target": "the application's sandbox does not list this user as a target",
    "oauth_not_configured": "settings of this platform are missing: GET /api/platforms names them",
    "platform_error": "no answer to the exchange, a 5xx, or one that cannot be read",
    "rate_limited": "the platform answered 429",
    "service_unavailable": "the platform's consent page, our database or its circuit is away",
    "token_exchange_failed": "the platform refused the code: spent, over, or for another redirect",
    "unauthorized": "the browser came back without a session of ours",
    "unknown_error": "the platform gave a reason that no page of its names",
}


def callback_error_code(error: str, error_type: str | None = None) -> str:
    """Our code for the platform's refusal as it stands in the callback's address."""
    if error_type == "non_sandbox_target":
        return "non_sandbox_target"
    return CALLBACK_ERROR_CODES.get(error, "unknown_error")


def exchange_error_code(error: PlatformError) -> str:
    if error.code in CALLBACK_ERROR_CODES:
        return CALLBACK_ERROR_CODES[error.code]
    return next(
        (code for kind, code in EXCHANGE_ERROR_CODES.items() if isinstance(error, kind)),
        "unknown_error",
    )
