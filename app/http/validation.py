"""What a request says, as a checked value; and what an answer says. Decides nothing."""

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import request
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel, ConfigDict
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.http.context import current_container
from core.errors import Invalid
from core.validation import format_utc, validate_model

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

NESTING_MESSAGE = "nested too deeply"


class RequestModel(BaseModel):
    """A request's JSON or query: a field we do not know is refused, not overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validate_body(model: type[BaseModel]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Hands the view its JSON body as the argument `body`."""

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            kwargs["body"] = parse_body(model)
            return view(*args, **kwargs)

        wrapper.__dict__["body_model"] = model  # for /openapi.json
        return wrapper

    return decorate


def validate_query(model: type[BaseModel]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Hands the view its query string as the argument `query`."""

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            kwargs["query"] = validate_model(model, request.args.to_dict())
            return view(*args, **kwargs)

        wrapper.__dict__["query_model"] = model
        return wrapper

    return decorate


def parse_body(model: type[M]) -> M:
    """The JSON of this request. No body at all reads as an object without fields.

    Errors: Invalid with `details.fields`; 413 and 415 as the framework's exceptions.
    """
    data = read_raw_body(current_container().settings.limits.max_json_bytes)
    if not data and not request.mimetype:
        return validate_model(model, {})
    if not request.is_json and not is_plain_text_json():
        raise UnsupportedMediaType("Content-Type must be application/json")
    return validate_model(model, parse_json_object(data))


def is_plain_text_json() -> bool:
    """A browser's `fetch` calls a text so that nobody named: the first documents sent JSON thus."""
    content_type = (request.mimetype, request.mimetype_params.get("charset", "").lower())
    return current_container().settings.tiktok.webhook_compat and content_type == (
        "text/plain",
        "utf-8",
    )


def read_raw_body(max_bytes: int) -> bytes:
    """The body as sent, whatever it calls itself. Errors: 413, at a byte too much.

    A body without a length is cut by the framework where its limit is, so that lies one further.
    """
    request.max_content_length = max_bytes + 1
    data = request.get_data()
    if len(data) > max_bytes:
        raise RequestEntityTooLarge
    return data


def parse_json_object(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data, parse_constant=reject_constant)
    except RecursionError:
        raise Invalid(NESTING_MESSAGE) from None
    except ValueError:
        raise Invalid("the body is not JSON") from None
    if not isinstance(document, dict):
        raise Invalid("the body is not a JSON object")
    return document


def reject_constant(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's


def ok(**fields: Any) -> dict[str, Any]:
    """The body of a success; a view may add status and headers behind it."""
    return {"success": True, **fields}


class JsonProvider(DefaultJSONProvider):
    """JSON as our API writes it: times as ISO 8601 in UTC, fields in the order given."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        return (
            format_utc(value) if isinstance(value, datetime) else DefaultJSONProvider.default(value)
        )
