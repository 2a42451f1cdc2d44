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

from platforms.base import Octets
from platforms.errors import PlatformError, TimedOut, Unavailable
from platforms.http.deadline import HEADERS, Deadline, current, guarded_session
from platforms.http.repeat import ONCE, SAFE, TOKEN, Outcome, Repeat, repeated
from platforms.http.reply import SERVER_ERROR, Reply, retry_after
from platforms.http.strangers import NotPublic, stranger_session

__all__ = ["ONCE", "SAFE", "TOKEN", "Http", "Repeat", "Reply", "stranger_session"]

log = structlog.get_logger(__name__)

MAX_ANSWER = 1024 * 1024  # bytes; answers are small JSON, anything longer is no answer
PIECE = 65_536

Timeout = tuple[float, float]  # seconds: to connect, then to send and to read everything
Observe = Callable[[str, str, float], None]  # endpoint, outcome, seconds


class Http:
    """Lends a session to one call at a time, so that it outlives the threads of a batch."""

    def __init__(
        self,
        *,
        timeout: Timeout = (3.0, 10.0),
        observe: Observe | None = None,
        session: Callable[[], requests.Session] = guarded_session,
        excerpt: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        dice: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`excerpt` bytes of an answer are read, and then none is too long; None reads it all.

        `session` makes the sessions: those of `stranger_session` go to public hosts alone.
        """
        self._timeout, self._session, self._excerpt = timeout, session, excerpt
        self._observe, self._sleep, self._dice, self._clock = observe, sleep, dice, clock
        self._idle: LifoQueue[requests.Session] = LifoQueue()

    def call(  # noqa: PLR0913 - the parts of a request, all named
        self,
        method: str,
        url: str,
        *,
        endpoint: str,
        repeat: Repeat,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        data: Octets | None = None,
        timeout: Timeout | None = None,
    ) -> Reply:
        """One call with its repetitions. Every answer is a Reply, whatever its status.

        `endpoint` is the name under which it is logged and counted.
        Errors: TimedOut, Unavailable; `reached` is False only if surely no try arrived.
        """
        told = {**HEADERS, **(headers or {})}
        request = requests.Request(method, url, told, data=form or data, json=json)
        outcomes: list[Outcome] = []

        def attempt() -> Outcome:
            outcomes.append(self._timed(request, endpoint, timeout or self._timeout))
            return outcomes[-1]

        last = repeated(repeat, attempt, sleep=self._sleep, dice=self._dice)
        if isinstance(last, Reply):
            return replace(last, after_fault=any(faulty(one) for one in outcomes[:-1]))
        last.reached = any(isinstance(one, Reply) or one.reached for one in outcomes)
        raise last

    def close(self) -> None:
        while not self._idle.empty():
            self._borrow().close()

    def _timed(self, request: requests.Request, endpoint: str, timeout: Timeout) -> Outcome:
        start = time.monotonic()
        outcome = self._exchange(request, timeout)
        seconds = time.monotonic() - start
        word = str(outcome.status) if isinstance(outcome, Reply) else outcome.code
        host = urlsplit(request.url).hostname
        log.info("platform.call", endpoint=endpoint, host=host, outcome=word, seconds=seconds)
        if self._observe is not None:
            self._observe(endpoint, word, seconds)
        return outcome

    def _exchange(self, request: requests.Request, timeout: Timeout) -> Outcome:
        """Errors are returned, not raised: theirs quote the URL and must not become a cause."""
        session = self._borrow()
        deadline = Deadline(sum(timeout))
        outer = current.set(deadline)
        try:
            prepared = request.prepare()  # a session's own way merges what none of ours has
            with session.send(
                prepared, stream=True, timeout=timeout, allow_redirects=False
            ) as answer:
                return self._read(answer, deadline)
        except (requests.RequestException, HTTPError) as error:
            return fault(error, deadline)
        finally:
            deadline.lift()
            current.reset(outer)
            self._idle.put(session)

    def _borrow(self) -> requests.Session:
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._session()

    def _read(self, answer: requests.Response, deadline: Deadline) -> Outcome:
        body = bytearray()
        while piece := answer.raw.read1(PIECE, decode_content=False):
            body += piece
            if self._excerpt is not None and len(body) >= self._excerpt:
                del body[self._excerpt :]
                break
            if len(body) > MAX_ANSWER:
                return Unavailable("the answer is too long", code="INVALID_RESPONSE")
        if deadline.is_over:  # a cut connection can look like the end of the answer
            return TimedOut()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        wait = retry_after(headers.get("retry-after", ""), now=self._clock())
        return Reply(answer.status_code, headers, bytes(body), wait)


def faulty(outcome: Outcome) -> bool:
    return isinstance(outcome, Reply) and outcome.status >= SERVER_ERROR


def fault(error: Exception, deadline: Deadline) -> PlatformError:
    """What went wrong on the way, and whether the request can have arrived at all."""
    if isinstance(error, requests.ConnectTimeout):
        return TimedOut("no connection in time", reached=False)
    if deadline.is_over or isinstance(error, requests.ReadTimeout):
        return TimedOut()
    if isinstance(reason(error), NotPublic):
        return Unavailable("no public host", code="PRIVATE_HOST", reached=False)
    if never_arrived(error):
        return Unavailable("no connection", code="NETWORK_ERROR", reached=False)
    return Unavailable("the connection broke", code="NETWORK_ERROR")


def never_arrived(error: Exception) -> bool:
    """Refused, unreachable, no such name, or not the host whose certificate we would trust."""
    cause = next(iter(getattr(reason(error), "args", ())), None)
    return isinstance(reason(error), NewConnectionError) or isinstance(
        cause, SSLCertVerificationError
    )


def reason(error: Exception) -> object:
    """What urllib3 says behind the words of requests."""
    return getattr(next(iter(error.args), None), "reason", None)
