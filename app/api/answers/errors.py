"""Which error codes an operation can answer with: those that follow from its form, and its own."""

from app.api.answers.table import Answer
from app.http.errors import ERROR_KINDS, GENERAL_ERRORS, PLATFORM_ERRORS

ANY_REQUEST_CODES = (
    "VALIDATION_ERROR",
    "untrusted_host",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
)
SIGNED_IN_CODES = ("UNAUTHORIZED", "FORBIDDEN", "csrf_detected")
BODY_CODES = ("PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT")
POST_CODES = ("CONFLICT", "CONFIG_MISSING", "crypto_error")
UNLIMITED_PATH_PREFIXES = ("/healthz", "/readyz", "/statusz", "/metrics", "/m/", "/api/webhooks/")


def list_error_statuses(
    answer: Answer, *, path: str, has_body: bool, has_parameters: bool, is_protected: bool
) -> dict[int, list[str]]:
    """Return the codes of an operation by status, the general ones first."""
    codes: set[str] = {*ANY_REQUEST_CODES, *answer.codes}
    if is_protected:
        codes.update(SIGNED_IN_CODES)
    if has_body:
        codes.update(BODY_CODES)
    if has_parameters:
        codes.add("NOT_FOUND")
    if not path.startswith(UNLIMITED_PATH_PREFIXES):
        codes.add("RATE_LIMIT_EXCEEDED")
    if answer.calls_platform:
        codes.update(PLATFORM_ERRORS, POST_CODES)
    statuses: dict[int, list[str]] = {}
    for code in sorted(codes, key=lambda code: (code not in GENERAL_ERRORS, code)):
        statuses.setdefault(ERROR_KINDS[code].status, []).append(code)
    for status, code in answer.unusual_statuses.items():
        statuses.setdefault(status, []).append(code)
    return statuses
