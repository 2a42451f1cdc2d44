"""Validates values from outside with pydantic models, and formats times for JSON."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ValidationError

from core.errors import Invalid

M = TypeVar("M", bound=BaseModel)

OWN_RULE_PREFIX = "Value error, "  # pydantic puts it before the words of our own rules

EARLIEST_TIME = datetime(2, 1, 1, tzinfo=UTC)
LATEST_TIME = datetime(9998, 12, 31, tzinfo=UTC)
"""A year away from the ends of the calendar, so that zones and intervals do not lead beyond it."""


def validate_model(model: type[M], values: Mapping[str, Any]) -> M:
    """Return the values as this model.

    Errors: Invalid; `details.fields` maps each faulty field to the rule it breaks, never its value.
    """
    unstorable = [name for name, value in values.items() if has_unstorable_text(value)]
    if unstorable:
        message = "must not contain NUL or half of a surrogate pair"
        raise Invalid(message, details={"fields": dict.fromkeys(unstorable, message)})
    try:
        return model.model_validate(values)
    except ValidationError as error:
        message = "fields are missing or malformed"
        raise Invalid(message, details={"fields": field_errors(error)}) from None


def field_errors(error: ValidationError) -> dict[str, str]:
    """Return the rule that each field breaks, by the path of the field; "body": the whole."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return {
        ".".join(map(str, fault["loc"])) or "body": fault["msg"].removeprefix(OWN_RULE_PREFIX)
        for fault in errors
    }


def has_unstorable_text(value: Any) -> bool:
    return not all(is_storable_text(text) for text in iter_texts(value))


def iter_texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from iter_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from iter_texts(item)


def is_storable_text(text: str) -> bool:
    """Postgres stores neither NUL nor half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def clamp_time(moment: datetime) -> datetime:
    """Return the time in UTC; one at the ends of the calendar, which clients send for "all", as
    the nearest that can be stored and calculated with.
    """
    try:
        return min(max(moment.astimezone(UTC), EARLIEST_TIME), LATEST_TIME)
    except OverflowError:
        return EARLIEST_TIME if moment.year < EARLIEST_TIME.year else LATEST_TIME


def refuse_number(value: Any) -> Any:
    """Refuse a bare number, which pydantic reads as seconds since 1970. Errors: ValueError."""
    if isinstance(value, int | float) or (isinstance(value, str) and "-" not in value[1:]):
        raise ValueError("must be a time such as 2026-11-25T09:30:00Z")
    return value


ClampedTime = Annotated[AwareDatetime, AfterValidator(clamp_time), BeforeValidator(refuse_number)]


def format_utc(moment: datetime) -> str:
    """Format a time as ISO 8601 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
