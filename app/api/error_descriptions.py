"""How the description shows errors: the envelope, and an example for each code."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.http.errors import ERROR_KINDS
from app.http.i18n import SOURCE_LOCALE
from app.http.messages import get_message

STRING_SCHEMA, BOOLEAN_SCHEMA = {"type": "string"}, {"type": "boolean"}
WAITING_STATUSES = frozenset({409, 429, 503})  # whose answers may say how long to wait
ERROR_SCHEMA = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message", "userMessage", "suggestion", "retryable", "requestId"],
            "properties": {
                "code": {"type": "string", "enum": sorted(ERROR_KINDS)},
                "message": STRING_SCHEMA,
                "userMessage": STRING_SCHEMA,
                "suggestion": STRING_SCHEMA,
                "retryable": BOOLEAN_SCHEMA,
                "retryAfter": {"type": "integer", "description": "seconds"},
                "details": {"type": "object"},
                "requestId": STRING_SCHEMA,
            },
        },
    },
}
ERROR_REFERENCE = {"$ref": "#/components/schemas/Error"}
EXAMPLE_REFERENCE_PREFIX = "#/components/examples/"


def list_error_examples() -> dict[str, Any]:
    """Code → an error with this code, in English."""
    return {code: build_error_example(code) for code in sorted(ERROR_KINDS)}


def build_error_example(code: str) -> dict[str, Any]:
    texts = get_message(code, SOURCE_LOCALE)
    return {
        "summary": texts.message,
        "value": {
            "success": False,
            "error": {
                "code": code,
                "message": code.replace("_", " ").lower(),
                "userMessage": texts.message,
                "suggestion": texts.suggestion,
                "retryable": ERROR_KINDS[code].retryable,
                "requestId": "0c5f6d1e",
            },
        },
    }


def describe_error_responses(
    statuses: Mapping[int, Sequence[str]], *, is_page: bool
) -> dict[str, Any]:
    """Describe the responses with error codes by status. Errors of pages are pages."""
    return {
        str(status): describe_status(status, codes, is_page=is_page)
        for status, codes in sorted(statuses.items())
    }


def describe_status(status: int, codes: Sequence[str], *, is_page: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"text/html": {"schema": STRING_SCHEMA}}
    if not is_page:
        examples = {code: {"$ref": EXAMPLE_REFERENCE_PREFIX + code} for code in codes}
        content = {"application/json": {"schema": ERROR_REFERENCE, "examples": examples}}
    waits = {"Retry-After": {"description": "seconds", "schema": {"type": "string"}}}
    return {
        "description": ", ".join(codes),
        **({"headers": waits} if status in WAITING_STATUSES else {}),
        "content": content,
    }
