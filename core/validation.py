"""A moment as JSON has it. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import Invalid


def format_utc(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# MERGED core.checked: Values from outside against a model: one way to refuse for every mouth. Decides nothing.

M = TypeVar("M", bound=BaseModel)


def validate_model(model: type[M], values: Mapping[str, Any]) -> M:
    """Errors: Invalid with `details.fields`, a name and a reason each; no value is quoted."""
    unstorable_fields = [
        name for name, value in values.items() if not all(map(is_storable_text, iter_texts(value)))
    ]
    if unstorable_fields:
        raise Invalid(
            "unusable characters", details={"fields": dict.fromkeys(unstorable_fields, "text")}
        )
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(
            "fields are missing or wrong", details={"fields": field_errors(error)}
        ) from None


def field_errors(error: ValidationError) -> dict[str, str]:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return {".".join(map(str, each["loc"])) or "body": each["msg"] for each in errors}


def iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from iter_texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from iter_texts(each)


def is_storable_text(text: str) -> bool:
    """Postgres takes neither NUL nor half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)
