"""The one door out: every call to a platform leaves here, and nowhere else.

Must not know what a call means, nor which answer is a success. Query strings, bodies and header
values are never logged nor put into an error.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from queue import Empty, LifoQueue
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from urllib3.exceptions import HTTPError, NewConnectionError

from platforms.base import BytesLike
from platforms.errors import PlatformError, TimedOut, Unavailable
from platforms.http.deadline import DEFAULT_HEADERS, Deadline, create_session, current_deadline
from platforms.http.response import SERVER_ERROR, HttpResponse, parse_retry_after
from platforms.http.retry import (
    NO_RETRY,
    SAFE_RETRY,
    TOKEN_RETRY,
    CallOutcome,
    HttpRetryPolicy,
    call_with_retries,
)
from platforms.http.ssrf import PrivateHost, create_public_session

__all__ = [
    "NO_RETRY",
    "SAFE_RETRY",
    "TOKEN_RETRY",
    "HttpClient",
    "HttpResponse",
    "HttpRetryPolicy",
    "create_public_session",
]

log = structlog.get_logger(__name__)

MAX_RESPONSE_BYTES = 1024 * 1024  # bytes; answers are small JSON, anything longer is no answer
READ_SIZE = 65_536

Timeout = tuple[float, float]  # seconds: to connect, then to send and to read everything
CallObserver = Callable[[str, str, float], None]  # endpoint, outcome, seconds


class HttpClient:
    """Lends a session to one call at a time, so that it outlives the threads of a batch."""

    def __init__(
        self,
        *,
        timeout: Timeout = (3.0, 10.0),
        observe: CallObserver | None = None,
        session_factory: Callable[[], requests.Session] = create_session,
        body_limit: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`excerpt` bytes of an answer are read, and then none is too long; None reads it all.

        `session` makes the sessions: those of `stranger_session` go to public hosts alone.
        """
        self._timeout, self._session_factory, self._body_limit = (
            timeout,
            session_factory,
            body_limit,
        )
        self._observe, self._sleep, self._jitter, self._clock = observe, sleep, jitter, clock
        self._idle_sessions: LifoQueue[requests.Session] = LifoQueue()

    def call(
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
        """One call with its repetitions. Every answer is a Reply, whatever its status.

        `endpoint` is the name under which it is logged and counted.
        Errors: TimedOut, Unavailable; `reached` is False only if surely no try arrived.
        """
        all_headers = {**DEFAULT_HEADERS, **(headers or {})}
        request = requests.Request(method, url, all_headers, data=form or data, json=json)
        outcomes: list[CallOutcome] = []

        def attempt() -> CallOutcome:
            outcomes.append(self._send_and_log(request, endpoint, timeout or self._timeout))
            return outcomes[-1]

        outcome = call_with_retries(retry, attempt, sleep=self._sleep, jitter=self._jitter)
        if isinstance(outcome, HttpResponse):
            return replace(
                outcome, after_server_error=any(is_server_error(one) for one in outcomes[:-1])
            )
        outcome.may_have_arrived = any(
            isinstance(one, HttpResponse) or one.may_have_arrived for one in outcomes
        )
        raise outcome

    def close(self) -> None:
        while not self._idle_sessions.empty():
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
            "platform.call", endpoint=endpoint, host=host, outcome=outcome_name, seconds=seconds
        )
        if self._observe is not None:
            self._observe(endpoint, outcome_name, seconds)
        return outcome

    def _send(self, request: requests.Request, timeout: Timeout) -> CallOutcome:
        """Errors are returned, not raised: theirs quote the URL and must not become a cause."""
        session = self._get_session()
        deadline = Deadline(sum(timeout))
        token = current_deadline.set(deadline)
        try:
            prepared = request.prepare()  # a session's own way merges what none of ours has
            with session.send(
                prepared, stream=True, timeout=timeout, allow_redirects=False
            ) as response:
                return self._read_response(response, deadline)
        except (requests.RequestException, HTTPError) as error:
            return classify_error(error, deadline)
        finally:
            deadline.unwatch()
            current_deadline.reset(token)
            self._idle_sessions.put(session)

    def _get_session(self) -> requests.Session:
        try:
            return self._idle_sessions.get_nowait()
        except Empty:
            return self._session_factory()

    def _read_response(self, response: requests.Response, deadline: Deadline) -> CallOutcome:
        body = bytearray()
        while part := response.raw.read1(READ_SIZE, decode_content=False):
            body += part
            if self._body_limit is not None and len(body) >= self._body_limit:
                del body[self._body_limit :]
                break
            if len(body) > MAX_RESPONSE_BYTES:
                return Unavailable("the answer is too long", code="INVALID_RESPONSE")
        if deadline.is_expired:  # a cut connection can look like the end of the answer
            return TimedOut()
        headers = {name.lower(): value for name, value in response.headers.items()}
        wait = parse_retry_after(headers.get("retry-after", ""), now=self._clock())
        return HttpResponse(response.status_code, headers, bytes(body), wait)


def is_server_error(outcome: CallOutcome) -> bool:
    return isinstance(outcome, HttpResponse) and outcome.status >= SERVER_ERROR


def classify_error(error: Exception, deadline: Deadline) -> PlatformError:
    """What went wrong on the way, and whether the request can have arrived at all."""
    if isinstance(error, requests.ConnectTimeout):
        return TimedOut("no connection in time", reached=False)
    if deadline.is_expired or isinstance(error, requests.ReadTimeout):
        return TimedOut()
    if isinstance(urllib3_reason(error), PrivateHost):
        return Unavailable("no public host", code="PRIVATE_HOST", reached=False)
    if is_undelivered(error):
        return Unavailable("no connection", code="NETWORK_ERROR", reached=False)
    return Unavailable("the connection broke", code="NETWORK_ERROR")


def is_undelivered(error: Exception) -> bool:
    """Refused, unreachable, no such name, or not the host whose certificate we would trust."""
    cause = next(iter(getattr(urllib3_reason(error), "args", ())), None)
    return isinstance(urllib3_reason(error), NewConnectionError) or isinstance(
        cause, SSLCertVerificationError
    )


def urllib3_reason(error: Exception) -> object:
    """What urllib3 says behind the words of requests."""
    return getattr(next(iter(error.args), None), "reason", None)
