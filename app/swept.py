"""A round of refreshes as programs read it. Never says a platform's own words."""

from typing import Any

from app.words import LOCALES, dictionary
from core.accounts import Swept

STRANGE = "platform_error"


def shown(swept: Swept) -> dict[str, Any]:
    """Contract T6.4: `error` is one of the codes that `app/texts/` explains."""
    errors = [
        {"accountId": each.account_id, "provider": each.provider, "error": safe(each.code)}
        for each in swept.faults
    ]
    return {
        "total": swept.total,
        "refreshed": swept.refreshed,
        "failed": len(errors),
        "skipped": swept.skipped,
        "errors": errors,
    }


def safe(code: str) -> str:
    """A code that nobody here has described may be anything that a platform sent."""
    return code if code in dictionary(LOCALES[0]) else STRANGE
