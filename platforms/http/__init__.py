"""The HTTP client for all calls to platforms: deadlines, retries, logging, metrics.

Callers decide what a response means. Query strings, bodies and header values contain secrets, so
they never appear in a log line or an error.
"""

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from urllib3.exceptions import HTTPError, NewConnectionError

from platforms.base import BytesLike
from platforms.errors import PlatformError, TimedOut, Unavailable
from platforms.exchanges import SentCall, find_collection
from platforms.http.deadline import DEFAULT_HEADERS, Deadline, create_session, current_deadline
from platforms.http.log_ids import find_log_id
from platforms.http.prepare import prepare_request
from platforms.http.response import (
    MAX_RESPONSE_BYTES,
    SERVER_ERROR,
    HttpResponse,
    parse_retry_after,
    unpack_received,
)
from platforms.http.retry import (
    NO_RETRY,
    SAFE_RETRY,
    TOKEN_RETRY,
    CallOutcome,
    HttpRetryPolicy,
    call_with_retries,
)
from platforms.http.ssrf import PrivateHost, create_public_session
from platforms.url_rules import is_listed_host

__all__ = [
    "NO_RETRY",
    "SAFE_RETRY",
    "TOKEN_RETRY",
    "HttpClient",
    "HttpResponse",
    "HttpRetryPolicy",
    "create_public_session",
    "create_session",
]

log = structlog.get_logger(__name__)

READ_SIZE = 65_536  # bytes

Timeout = tuple[float, float]  # seconds: to connect; to send the request and read the response
CallObserver = Callable[[str, str, float], None]  # endpoint, outcome, seconds


class HttpClient:
    """Sends calls over pooled sessions; a session serves one call at a time, from any thread."""

    def __init__(
        self,
        *,
        timeout: Timeout = (3.0, 10.0),
        observe: CallObserver | None = None,
        session_factory: Callable[[], requests.Session] = create_session,
        body_limit: int | None = None,
        allowed_hosts: Collection[str] = (),
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`body_limit`: read only so many bytes of a response and ignore the rest.

        Without it, a response of more than 1 MiB is an error. `session_factory`: use
        `create_public_session` for URLs that users supply. `allowed_hosts`: call no others; empty:
        any.
        """
        self._timeout = timeout
        self._observe = observe
        self._session_factory = session_factory
        self._body_limit = body_limit
        self._allowed_hosts = allowed_hosts
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock
        self._idle_sessions: list[requests.Session] = []  # the last one used is at the end

    def call(  # noqa: PLR0913 - the parts of a request, all keyword-only
        self,
        method: str,
        url: str,
        *,
        endpoint: str,
        retry: HttpRetryPolicy,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        data: BytesLike | None = None,
        timeout: Timeout | None = None,
    ) -> HttpResponse:
        """Send a call, repeat it as `retry` allows, and return the response, whatever its status.

        `endpoint` is the name under which the call is logged and counted.
        Errors: TimedOut, Unavailable; `may_have_arrived` is False only if no attempt arrived.
        """
        all_headers = {**DEFAULT_HEADERS, **(headers or {})}
        request = requests.Request(method, url, all_headers, data=form or data, json=json)
        outcomes: list[CallOutcome] = []

        def attempt() -> CallOutcome:
            outcomes.append(self._send_and_log(request, endpoint, timeout or self._timeout))
            return outcomes[-1]

        outcome = call_with_retries(retry, attempt, sleep=self._sleep, jitter=self._jitter)
        if isinstance(outcome, HttpResponse):
            if any(map(is_server_error, outcomes[:-1])):
                return replace(outcome, after_server_error=True)
            return outcome
        outcome.may_have_arrived = any(map(may_have_arrived, outcomes))
        raise outcome

    def close(self) -> None:
        while self._idle_sessions:
            self._get_session().close()

    def _send_and_log(
        self, request: requests.Request, endpoint: str, timeout: Timeout
    ) -> CallOutcome:
        start = time.monotonic()
        outcome = self._send(request, timeout)
        seconds = time.monotonic() - start
        outcome_name = str(outcome.status) if isinstance(outcome, HttpResponse) else outcome.code
        host = urlsplit(request.url).hostname
        log.info(
            "platform.call",
            endpoint=endpoint,
            host=host,
            outcome=outcome_name,
            seconds=seconds,
            log_id=find_log_id(outcome) if isinstance(outcome, HttpResponse) else None,
        )
        if self._observe is not None:
            self._observe(endpoint, outcome_name, seconds)
        report_exchange(request, endpoint, outcome, seconds)
        return outcome

    def _send(self, request: requests.Request, timeout: Timeout) -> CallOutcome:
        """Send once. Errors are returned and not raised: those of requests quote the URL, so they
        must not become the cause of ours.
        """
        host = urlsplit(request.url).hostname or ""
        if self._allowed_hosts and not is_listed_host(host, self._allowed_hosts):
            message = "the operator does not allow this host"
            return Unavailable(message, code="HOST_NOT_ALLOWED", may_have_arrived=False)
        session = self._get_session()
        deadline = Deadline(sum(timeout))
        token = current_deadline.set(deadline)
        try:
            prepared = prepare_request(request)
            adapter = session.get_adapter(str(prepared.url))
            # not `session.send`, which adds redirects, hooks and cookies, all of which we forbid
            with adapter.send(
                prepared,
                stream=True,
                timeout=timeout,
                verify=session.verify is None or session.verify,
            ) as response:
                return self._read_response(response, deadline)
        except (requests.RequestException, HTTPError) as error:
            return classify_error(error, deadline)
        finally:
            deadline.unwatch()
            current_deadline.reset(token)
            self._idle_sessions.append(session)

    def _get_session(self) -> requests.Session:
        try:
            return self._idle_sessions.pop()
        except IndexError:
            return self._session_factory()

    def _read_response(self, response: requests.Response, deadline: Deadline) -> CallOutcome:
        body = bytearray()
        while part := response.raw.read1(READ_SIZE, decode_content=False):
            body += part
            if self._body_limit is not None and len(body) >= self._body_limit:
                del body[self._body_limit :]
                break
            if len(body) > MAX_RESPONSE_BYTES:
                message = f"the response is longer than {MAX_RESPONSE_BYTES} bytes"
                return Unavailable(message, code="INVALID_RESPONSE")
        if deadline.is_expired:  # a connection cut by the deadline can look like a complete body
            return TimedOut()
        headers = {name.lower(): value for name, value in response.raw.headers.itermerged()}
        wait = parse_retry_after(headers.get("retry-after", ""), now=self._clock())
        return HttpResponse(response.status_code, headers, bytes(body), wait)


def report_exchange(
    request: requests.Request, endpoint: str, outcome: CallOutcome, seconds: float
) -> None:
    """Pass a call on to what collects the calls that are being made, if anything does."""
    collection = find_collection()
    if collection is None:
        return
    is_form = isinstance(request.data, Mapping)  # and not the bytes of a file
    answer = outcome if isinstance(outcome, HttpResponse) else None
    collection.add(
        SentCall(
            endpoint=endpoint,
            method=request.method or "",
            url=request.url or "",
            headers=request.headers or {},
            fields=request.json if request.json is not None else request.data if is_form else None,
            seconds=seconds,
            status=None if answer is None else answer.status,
            answer_headers={} if answer is None else answer.headers,
            answer_body=b"" if answer is None else unpack_received(answer.body),
            error=None if isinstance(outcome, HttpResponse) else outcome.code,
        )
    )


def is_server_error(outcome: CallOutcome) -> bool:
    return isinstance(outcome, HttpResponse) and outcome.status >= SERVER_ERROR


def may_have_arrived(outcome: CallOutcome) -> bool:
    return isinstance(outcome, HttpResponse) or outcome.may_have_arrived


def classify_error(error: Exception, deadline: Deadline) -> PlatformError:
    """Map a network error to ours, and decide whether the request may have arrived."""
    if isinstance(error, requests.ConnectTimeout):
        return TimedOut("connecting to the host timed out", may_have_arrived=False)
    if deadline.is_expired or isinstance(error, requests.ReadTimeout):
        return TimedOut()
    if isinstance(urllib3_reason(error), PrivateHost):
        message = "the host has an address that is not public"
        return Unavailable(message, code="PRIVATE_HOST", may_have_arrived=False)
    if is_undelivered(error):
        message = "no connection to the host"
        return Unavailable(message, code="NETWORK_ERROR", may_have_arrived=False)
    return Unavailable("the connection was closed too early", code="NETWORK_ERROR")


def is_undelivered(error: Exception) -> bool:
    """True if no connection was made, or the host's certificate was not accepted."""
    cause = next(iter(getattr(urllib3_reason(error), "args", ())), None)
    return isinstance(urllib3_reason(error), NewConnectionError) or isinstance(
        cause, SSLCertVerificationError
    )


def urllib3_reason(error: Exception) -> object:
    """Return the urllib3 error inside an error of requests."""
    return getattr(next(iter(error.args), None), "reason", None)
