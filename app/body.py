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

from app.context import house
from core.checked import checked
from core.errors import Invalid
from core.instant import instant

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
    data = raw(house().settings.limits.max_json_bytes)
    if not data and not request.mimetype:
        return checked(model, {})
    if not request.is_json and not is_bare_fetch():
        raise UnsupportedMediaType("Content-Type must be application/json")
    return checked(model, parsed(data))


def is_bare_fetch() -> bool:
    """A browser's `fetch` calls a text so that nobody named: the first documents sent JSON thus."""
    said = (request.mimetype, request.mimetype_params.get("charset", "").lower())
    return house().settings.tiktok.compat and said == ("text/plain", "utf-8")


def raw(limit: int) -> bytes:
    """The body as sent, whatever it calls itself. Errors: 413, at a byte too much.

    A body without a length is cut by the framework where its limit is, so that lies one further.
    """
    request.max_content_length = limit + 1
    body = request.get_data()
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body


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


def ok(**fields: Any) -> dict[str, Any]:
    """The body of a success; a view may add status and headers behind it."""
    return {"success": True, **fields}


class Json(DefaultJSONProvider):
    """JSON as our API writes it: times as ISO 8601 in UTC, fields in the order given."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        return instant(value) if isinstance(value, datetime) else DefaultJSONProvider.default(value)
