"""A round of refreshes as programs read it. Never says a platform's own words."""

from typing import Any

from app.http.messages import LOCALES, load_messages
from core.accounts import RefreshSummary

UNKNOWN_ERROR_CODE = "platform_error"


def serialize_refresh_result(result: RefreshSummary) -> dict[str, Any]:
    """Contract T6.4: `error` is one of the codes that `app/texts/` explains."""
    errors = [
        {
            "accountId": each.account_id,
            "provider": each.provider,
            "error": public_error_code(each.code),
        }
        for each in result.failures
    ]
    return {
        "total": result.total,
        "refreshed": result.refreshed,
        "failed": len(errors),
        "skipped": result.skipped,
        "errors": errors,
    }


def public_error_code(code: str) -> str:
    """A code that nobody here has described may be anything that a platform sent."""
    return code if code in load_messages(LOCALES[0]) else UNKNOWN_ERROR_CODE
