"""Sends calls: authentication, repetitions, and errors made of answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from signalpost_client.errors import (
    ApiError,
    ClientError,
    ConnectionLost,
    UnexpectedResponse,
    find_error_class,
)
from signalpost_client.repeats import SAFE_METHODS, RepeatPolicy, can_repeat, read_retry_after

T = TypeVar("T")
JsonObject = dict[str, Any]

TIMEOUTS = (10.0, 60.0)  # seconds to connect or to send a block, and without a byte of the answer
FIRST_UNSUCCESSFUL_STATUS = 300
IDEMPOTENCY_HEADER = "Idempotency-Key"


class KeyAuthentication(AuthBase):
    """Sends the API key with every call, and the CSRF token of a signed-in session.

    As an object of its own it comes before the passwords of a `.netrc`, which `requests` would use
    in place of a plain header.
    """

    def __init__(self, api_key: str | None) -> None:
        self._api_key = api_key
        self.csrf_token: str | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._api_key is not None:
            request.headers["Authorization"] = f"Bearer {self._api_key}"
        if self.csrf_token is not None:
            request.headers["X-CSRF-Token"] = self.csrf_token
        return request


@dataclass
class Transport:
    """Connections to one server. `sleep` waits a number of seconds before a repetition.

    Errors of all methods: ApiError, ConnectionLost, UnexpectedResponse.
    """

    url: str
    authentication: KeyAuthentication = field(repr=False)
    repeats: RepeatPolicy = field(default_factory=RepeatPolicy)
    sleep: Callable[[float], None] = time.sleep
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("the server's URL must begin with http:// or https://")
        self.url = self.url.rstrip("/")

    def call(self, method: str, template: str, **options: Any) -> requests.Response:
        """Send a call, repeat it where that is safe, and return the answer of its success.

        Shapes: the options are those of `build_request`.
        """
        request = self.build_request(method, template, **options)
        is_repeatable = method in SAFE_METHODS or IDEMPOTENCY_HEADER in request.headers
        failures = 0
        while True:
            try:
                return self.send(request)
            except ClientError as error:
                if not can_repeat(error, is_repeatable=is_repeatable):
                    raise
                delay = self.repeats.choose_delay(failures, getattr(error, "retry_after", None))
                if delay is None:
                    raise
            failures += 1
            self.sleep(delay)

    def build_request(
        self,
        method: str,
        template: str,
        *,
        values: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        data: BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Request:
        """Shapes: `values` are those of the placeholders in `template`, `body` becomes JSON.

        What is None in `query` is left out. Times become ISO 8601 in UTC.
        """
        texts = {name: quote(str(value), safe="") for name, value in (values or {}).items()}
        parameters = {name: encode_parameter(value) for name, value in (query or {}).items()}
        return requests.Request(
            method,
            self.url + template.format_map(texts),
            headers=dict(headers or {}),
            params=parameters,
            json=None if body is None else {k: encode_value(v) for k, v in body.items()},
            data=data,
            auth=self.authentication,
        )

    def send(self, request: requests.Request) -> requests.Response:
        """Send a request once and return the answer of its success."""
        prepared = self.session.prepare_request(request)
        settings = self.session.merge_environment_settings(prepared.url, {}, False, None, None)
        try:
            response = self.session.send(
                prepared, timeout=TIMEOUTS, allow_redirects=False, **settings
            )
        except requests.RequestException as error:
            raise ConnectionLost(
                f"the server does not answer: {type(error).__name__}",
                may_have_arrived=not is_unsent(error),
            ) from error
        if response.status_code >= FIRST_UNSUCCESSFUL_STATUS:
            raise build_error(response)
        return response

    def fetch_envelope(self, _kind: type[T], method: str, template: str, **options: Any) -> T:
        """Return the whole JSON object of the answer. Its type is not checked, only promised."""
        envelope: Any = parse_object(self.call(method, template, **options))
        return cast("T", envelope)

    def fetch_data(self, _kind: type[T], method: str, template: str, **options: Any) -> T:
        """Return the field `data` of the answer. Its type is not checked, only promised."""
        response = self.call(method, template, **options)
        envelope = parse_object(response)
        if "data" not in envelope:
            raise build_unexpected(response)
        return cast("T", envelope["data"])

    def path_below_url(self, location: str) -> str:
        """Return the path of a `Location` header without that of this client's URL."""
        return urlsplit(location).path.removeprefix(urlsplit(self.url).path)


def create_key() -> str:
    """Return a new idempotency key."""
    return str(uuid4())


def is_unsent(error: requests.RequestException) -> bool:
    """Whether there was no connection, so that nothing can have arrived."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def encode_value(value: object) -> object:
    """Write a time in ISO 8601, and a UUID as text. Errors: ValueError for a time without zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone")
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def encode_parameter(value: object) -> object:
    """Write a value for a query: truth values as in JSON."""
    return str(value).lower() if isinstance(value, bool) else encode_value(value)


def parse_object(response: requests.Response) -> JsonObject:
    """Errors: UnexpectedResponse."""
    try:
        parsed = response.json()
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise build_unexpected(response)
    return parsed


def build_error(response: requests.Response) -> ApiError | UnexpectedResponse:
    """Return the error that signalpost described, or what else answered."""
    try:
        described = response.json()["error"]
        code = described["code"]
    except (ValueError, TypeError, KeyError):
        return build_unexpected(response)
    status = response.status_code
    wait = read_retry_after(response)
    return find_error_class(str(code), status)(status, described, retry_after=wait)


def build_unexpected(response: requests.Response) -> UnexpectedResponse:
    request = response.request
    text = f"{request.method} {urlsplit(str(request.url)).path}"
    if response.is_redirect:  # not followed: the key is for the given server only
        text += f" was redirected to {response.headers['Location']}: use that server's URL"
    elif request.method == "HEAD":
        text += f" was answered with {response.status_code}"
    else:
        text += f" was answered with {response.status_code} by something that is not signalpost"
    return UnexpectedResponse(
        text, status=response.status_code, retry_after=read_retry_after(response)
    )
