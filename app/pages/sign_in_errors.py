"""Why a password was not accepted or not even looked at, in words for the form."""

from app.http.errors import build_problem
from app.http.i18n import find_plural_translation, translate_text
from app.pages.formatting import format_wait
from core.errors import CoreError, RateLimitExceeded


def describe_sign_in_error(error: CoreError) -> tuple[str, int]:
    """Return the text, with the time to wait where there is one, and the HTTP status."""
    problem = build_problem(error)
    if problem.retry_after is None:
        return problem.user_message, problem.status
    wait = format_wait(problem.retry_after, ngettext=find_plural_translation)
    is_limited = isinstance(error, RateLimitExceeded)
    reason = translate_text("Too many tries.") if is_limited else problem.user_message
    return f"{reason} {wait}", problem.status
