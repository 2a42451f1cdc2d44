"""The fields of a fault that answers with an error of the platform's own tables, by its code."""

from collections.abc import Mapping
from typing import Any

GRAPH_ERROR_KIND = "graph_error"
NAMED_ERROR_FIELDS: Mapping[str, type] = {
    "code": int,
    "subcode": int,
    "status": int,
    "message": str,
    "type": str,
    "is_transient": bool,
    "user_title": str,
    "user_message": str,
}


def find_field_mistake(fields: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a fault's fields; None if they are right."""
    if "code" not in fields:
        return "fields: code is required"
    for name, value in fields.items():
        if type(value) is not NAMED_ERROR_FIELDS.get(name):
            allowed = ", ".join(
                f"{key} ({kind.__name__})" for key, kind in NAMED_ERROR_FIELDS.items()
            )
            return f"fields: {name} is unknown or of the wrong type; there are {allowed}"
    return None
