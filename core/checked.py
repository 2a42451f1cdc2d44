"""Values from outside against a model: one way to refuse for every mouth. Decides nothing."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import Invalid

M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """Errors: Invalid with `details.fields`, a name and a reason each; no value is quoted."""
    unfit = [name for name, value in values.items() if not all(map(storable, texts(value)))]
    if unfit:
        raise Invalid("unusable characters", details={"fields": dict.fromkeys(unfit, "text")})
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid("fields are missing or wrong", details={"fields": faults(error)}) from None


def faults(error: ValidationError) -> dict[str, str]:
    told = error.errors(include_url=False, include_context=False, include_input=False)
    return {".".join(map(str, each["loc"])) or "body": each["msg"] for each in told}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def storable(text: str) -> bool:
    """Postgres takes neither NUL nor half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)
