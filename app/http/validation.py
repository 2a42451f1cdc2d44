"""Parsing and validation of requests, and the form of JSON answers."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

from flask import request
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import UnsupportedMediaType

from app.http.body_receipt import body_too_large
from app.http.context import current_container
from core.errors import Invalid
from core.validation import format_utc, validate_model
from platforms.registry import PLATFORMS

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

NESTING_MESSAGE = "nested too deeply"
MAX_POST_BYTES = 512 * 1024
"""Of the JSON of a post: what the texts and URLs of any platform need together, each at its longest
and written with the escapes of JSON."""

MAX_ROW_ID = 2**63 - 1  # ids are `bigint`
MAX_ROW_ID_DIGITS = 18  # a number of so many digits is always below MAX_ROW_ID, which has 19

RowId = Annotated[int, Field(ge=1, lt=MAX_ROW_ID + 1)]
OptionalRowId = Annotated[int | None, Field(ge=1, lt=MAX_ROW_ID + 1)]


class RequestModel(BaseModel):
    """A request's JSON body or query string; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validate_body(
    model: type[BaseModel],
    variants: Mapping[str, type[BaseModel]] | None = None,
    *,
    max_bytes: int = 0,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Pass the view its JSON body, validated, as the argument `body`.

    `variants`, by platform, describe the body in more detail than the model that validates it.
    `max_bytes` is what the fields of this body may need, if that is more than MAX_JSON_BYTES.
    """

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            limits = current_container().settings.limits
            kwargs["body"] = parse_body(model, max(limits.max_json_bytes, max_bytes))
            return view(*args, **kwargs)

        wrapper.__dict__["body_model"] = model  # for /openapi.json
        wrapper.__dict__["body_variants"] = variants or {}
        return wrapper

    return decorate


def validate_query(model: type[BaseModel]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Pass the view its query string, validated, as the argument `query`."""

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            kwargs["query"] = validate_model(model, request.args.to_dict())
            return view(*args, **kwargs)

        wrapper.__dict__["query_model"] = model
        return wrapper

    return decorate


def parse_body(model: type[M], max_bytes: int) -> M:
    """Validate the JSON body of this request. A missing body counts as an empty object.

    Errors: Invalid with `details.fields`; Werkzeug's exceptions for 413 and 415.
    """
    data = read_raw_body(max_bytes)
    if not data and not request.mimetype:
        return validate_model(model, {})
    if not request.is_json and not is_accepted_plain_text():
        raise UnsupportedMediaType("Content-Type must be application/json")
    return validate_model(model, parse_json_object(data))


def is_accepted_plain_text() -> bool:
    """Whether this body is declared as text/plain in UTF-8 and accepted as JSON nevertheless.

    A platform's setting allows it: a browser's `fetch` declares a string so unless another type
    is given, and the first published examples did not give one.
    """
    content_type = (request.mimetype, request.mimetype_params.get("charset", "").lower())
    return content_type == ("text/plain", "utf-8") and any(
        platform.plain_text_setting is not None
        and getattr(current_container().settings.of_platform(name), platform.plain_text_setting)
        for name, platform in PLATFORMS.items()
    )


def read_raw_body(max_bytes: int) -> bytes:
    """Read the body whatever its Content-Type. Errors: RequestEntityTooLarge (413).

    The framework cuts a body without Content-Length at its own limit, so that limit is set one byte
    higher: a body that is too long is then recognised by its length.
    """
    request.max_content_length = max_bytes + 1
    data = request.get_data()
    if len(data) > max_bytes:
        raise body_too_large(max_bytes)
    return data


def parse_json_object(data: bytes) -> dict[str, Any]:
    """Parse a JSON object. Errors: Invalid."""
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
    """Refuse NaN and Infinity: Python's parser accepts them, JSON does not know them."""
    raise ValueError(constant)


def row_id_from_query(name: str) -> int | None:
    """Return the row id in a parameter of the query string, or None if it does not hold one.

    For pages: a meaningless cursor or account id in an address counts as none.
    """
    text = request.args.get(name, "")
    is_row_id = text.isascii() and text.isdigit() and len(text) <= MAX_ROW_ID_DIGITS
    return int(text) if is_row_id else None


def success_body(**fields: Any) -> dict[str, Any]:
    """Build the JSON body of a successful answer."""
    return {"success": True, **fields}


class JsonProvider(DefaultJSONProvider):
    """JSON as the API writes it: times as ISO 8601 in UTC, fields in the order given."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        return (
            format_utc(value) if isinstance(value, datetime) else DefaultJSONProvider.default(value)
        )
