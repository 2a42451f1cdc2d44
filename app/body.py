"""What a request says, as a checked value; and what an answer says. Decides nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import request
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from app.context import house
from core.errors import Invalid

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

DEEP = "nested too deeply"


class Body(BaseModel):
    """A request's JSON or query: a field we do not know is refused, not overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def takes(model: type[BaseModel]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Hands the view its JSON body as the argument `body`."""

    def reading(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def read(*args: P.args, **kwargs: P.kwargs) -> T:
            kwargs["body"] = body(model)
            return view(*args, **kwargs)

        read.__dict__["takes"] = model  # for /openapi.json
        return read

    return reading


def asks(model: type[BaseModel]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Hands the view its query string as the argument `query`."""

    def reading(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def read(*args: P.args, **kwargs: P.kwargs) -> T:
            kwargs["query"] = checked(model, request.args.to_dict())
            return view(*args, **kwargs)

        read.__dict__["asks"] = model
        return read

    return reading


def body(model: type[M]) -> M:
    """The JSON of this request. No body at all reads as an object without fields.

    Errors: Invalid with `details.fields`; 413 and 415 as the framework's exceptions.
    """
    request.max_content_length = house().settings.limits.max_json_bytes
    data = request.get_data()
    if not data and not request.mimetype:
        return checked(model, {})
    if not request.is_json:
        raise UnsupportedMediaType("Content-Type must be application/json")
    return checked(model, parsed(data))


def parsed(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data, parse_constant=no_number)
    except RecursionError:
        raise Invalid(DEEP) from None
    except ValueError:
        raise Invalid("the body is not JSON") from None
    if not isinstance(found, dict):
        raise Invalid("the body is not a JSON object")
    return found


def no_number(word: str) -> None:
    raise ValueError(word)  # NaN and Infinity are Python's, not JSON's


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


def ok(**fields: Any) -> dict[str, Any]:
    """The body of a success; a view may add status and headers behind it."""
    return {"success": True, **fields}


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Json(DefaultJSONProvider):
    """JSON as our API writes it: times as ISO 8601 in UTC, fields in the order given."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        return instant(value) if isinstance(value, datetime) else DefaultJSONProvider.default(value)
