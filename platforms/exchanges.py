"""The calls of a post to its platform, collected as they are made, without secrets.

A platform lists for each call the fields whose values may be stored. Every other value is replaced
by its type, so that a field which a platform adds tomorrow is not stored.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from types import NoneType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from platforms.json_body import decode_answer

MAX_JSON_LENGTH = 2000  # characters of what is kept of a request, and of an answer
MAX_TEXT_LENGTH = 300  # characters of one value
MAX_PATH_LENGTH = 200
MAX_NAMES = 40  # of one object
MAX_ITEMS = 3  # of one list
MAX_DEPTH = 6
MIN_SECRET_LENGTH = 6  # characters; a shorter one would be found in ordinary words
HIDDEN_PATH = "/…"
REMOVED, TOO_LONG, REST = "<removed>", "<too long>", "…"
NAME_PATTERN = re.compile(r"[a-z][a-z_]{0,39}|\d{1,3}")
TYPE_NAMES: Mapping[type, str] = {
    str: "<string>",
    bool: "<boolean>",
    int: "<number>",
    float: "<number>",
}
AUTHORIZATION = "authorization"
DIGEST_ENCODER = json.JSONEncoder(sort_keys=True, default=str)

CleanText = Callable[[str], str]


@dataclass(frozen=True)
class KeptFields:
    """The fields of a call whose values may be stored, by their paths, such as `error.code`.

    `request` are fields of the query, the form or the JSON body; headers are named in lower case.
    `varying` and headers do not count when repetitions of the same exchange are stored as one;
    `is_summed`: nothing but the status does. `log_id` are the fields and headers with the
    platform's id of the call, of which the first one counts. `hides_path`: the path is a secret.
    """

    request: frozenset[str] = frozenset()
    answer: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    varying: frozenset[str] = frozenset()
    log_id: tuple[str, ...] = ()
    hides_path: bool = False
    is_summed: bool = False


@dataclass(frozen=True)
class SentCall:
    """A request as it was sent, and what came of it: an answer, or the code of an error."""

    endpoint: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    fields: Any = field(repr=False)  # of the form or the JSON body; None: neither
    seconds: float
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    answer_body: bytes = field(default=b"", repr=False)
    error: str | None = None


@dataclass(frozen=True)
class Exchange:
    """What is stored of a call. Exchanges with the same `digest` are repetitions of one."""

    endpoint: str
    method: str
    host: str
    path: str
    status: int | None
    error: str | None
    milliseconds: int
    log_id: str | None
    request: Mapping[str, Any]
    answer: Mapping[str, Any]
    digest: str


class ExchangeCollection:
    """Collects the calls that a platform's table names. Several threads may add."""

    def __init__(self, table: Mapping[str, KeptFields], clean_text: CleanText) -> None:
        self._table = table
        self._clean_text = clean_text
        self.exchanges: list[Exchange] = []

    def add(self, call: SentCall) -> None:
        kept = self._table.get(call.endpoint)
        if kept is not None:
            clean_text = remove_secrets(call.headers, self._clean_text)
            self.exchanges.append(build_exchange(call, kept, clean_text))


_collection: ContextVar[ExchangeCollection | None] = ContextVar("exchanges", default=None)


@contextmanager
def collect_exchanges(
    table: Mapping[str, KeptFields], clean_text: CleanText
) -> Iterator[list[Exchange]]:
    """Collect the calls made inside; `table` has what is kept of each endpoint.

    `clean_text` masks what looks like a secret in values that are kept.
    """
    collection = ExchangeCollection(table, clean_text)
    token = _collection.set(collection)
    try:
        yield collection.exchanges
    finally:
        _collection.reset(token)


def find_collection() -> ExchangeCollection | None:
    """Return what collects the calls that are being made; None: nothing does."""
    return _collection.get()


def remove_secrets(headers: Mapping[str, str], clean_text: CleanText) -> CleanText:
    """Return a function that masks the token of the call too: some answers quote it."""
    token = headers.get("Authorization", "").rpartition(" ")[2]

    def clean(text: str) -> str:
        if len(token) >= MIN_SECRET_LENGTH:
            text = text.replace(token, REMOVED)
        return make_storable_text(clean_text(text))

    return clean


def make_storable_text(text: str) -> str:
    """Replace what Postgres cannot store by question marks."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "?").encode(errors="replace").decode()


def build_exchange(call: SentCall, kept: KeptFields, clean_text: CleanText) -> Exchange:
    address = urlsplit(call.url)
    body = decode_body(call.answer_body)
    query = dict(parse_qsl(address.query)) if not kept.hides_path else {}
    request = {"query": query, "body": call.fields}
    request_keeper = FieldKeeper(kept.request, clean_text)
    answer_keeper = FieldKeeper(kept.answer, clean_text)
    stored_request = {name: request_keeper.keep(value) for name, value in request.items() if value}
    stored_answer = {} if body is None else {"body": answer_keeper.keep(body)}
    path = HIDDEN_PATH if kept.hides_path else make_storable_text(address.path[:MAX_PATH_LENGTH])
    compared = "" if kept.is_summed else [stored_request, drop_fields(stored_answer, kept.varying)]
    return Exchange(
        endpoint=call.endpoint,
        method=call.method,
        host=(address.hostname or "")[:MAX_PATH_LENGTH],
        path=path,
        status=call.status,
        error=call.error,
        milliseconds=round(call.seconds * 1000),
        log_id=find_log_id(body, call.answer_headers, kept.log_id, clean_text),
        request=limit_length(stored_request | keep_headers(call.headers, kept.headers)),
        answer=limit_length(stored_answer | keep_headers(call.answer_headers, kept.headers)),
        digest=make_digest(call.endpoint, call.method, path, call.status, call.error, compared),
    )


def decode_body(body: bytes) -> Any:
    """Return the JSON of an answer; of another body its length, and None of an empty one."""
    if not body:
        return None
    try:
        return decode_answer(body)
    except (ValueError, RecursionError, zlib.error):
        return f"<{len(body)} bytes>"


class FieldKeeper:
    """Replaces the values of a decoded JSON by their types, except of the named fields."""

    def __init__(self, names: frozenset[str], clean_text: CleanText) -> None:
        self._names = names
        self._clean_text = clean_text

    def keep(self, value: Any, path: str = "", depth: int = 0) -> Any:
        if type(value) in TYPE_NAMES:  # most values; tested first
            return self._keep_value(value, path)
        if isinstance(value, Mapping):
            return self._keep_object(value, path, depth) if depth < MAX_DEPTH else REST
        if isinstance(value, list | tuple):
            if depth >= MAX_DEPTH:
                return REST
            items = [self.keep(item, path, depth + 1) for item in value[:MAX_ITEMS]]
            return [*items, REST] if len(value) > MAX_ITEMS else items
        return self._keep_value(value, path)

    def _keep_object(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
        """A name that is not written like a field's may be data, and is left out."""
        found: dict[str, Any] = {}
        for name in list(map(str, value))[:MAX_NAMES]:
            child = f"{path}.{name}" if path else name
            if child in self._names or NAME_PATTERN.fullmatch(name):
                found[name] = self.keep(value[name], child, depth + 1)
            else:
                found[REST] = REST
        return found

    def _keep_value(self, value: Any, path: str) -> Any:
        if isinstance(value, NoneType):
            return None
        if path not in self._names:
            is_length = path == "" and isinstance(value, str) and value.startswith("<")
            return value if is_length else TYPE_NAMES.get(type(value), "<other>")
        if isinstance(value, str):
            return self._clean_text(value)[:MAX_TEXT_LENGTH]
        return value


def keep_headers(headers: Mapping[str, str], names: frozenset[str]) -> dict[str, Any]:
    """Return the named headers, and that there was an authorization."""
    found = {
        name.lower(): make_storable_text(value[:MAX_TEXT_LENGTH])
        for name, value in headers.items()
        if name.lower() in names
    }
    if any(name.lower() == AUTHORIZATION for name in headers):
        found[AUTHORIZATION] = REMOVED
    return {"headers": found} if found else {}


def find_log_id(
    body: Any, headers: Mapping[str, str], names: Iterable[str], clean_text: CleanText
) -> str | None:
    for name in names:
        value = headers.get(name) or get_field(body, name)
        if isinstance(value, str) and value:
            return clean_text(value)[:MAX_TEXT_LENGTH]
    return None


def get_field(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def drop_fields(answer: Mapping[str, Any], paths: frozenset[str], path: str = "") -> Any:
    """Return the kept body without the fields that differ between repetitions."""
    return {
        name: drop_fields(value, paths, f"{path}{name}.") if isinstance(value, Mapping) else value
        for name, value in answer.items()
        if f"{path}{name}".removeprefix("body.") not in paths
    }


def limit_length(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value that is too long without its body."""
    is_long = len(json.dumps(value)) > MAX_JSON_LENGTH
    return {**value, "body": TOO_LONG, "query": {}} if is_long else value


def make_digest(*parts: Any) -> str:
    text = DIGEST_ENCODER.encode(parts)
    return sha256(text.encode()).hexdigest()[:32]
