"""Stands before the platform: logs each request, and has the fault played that is due for it.

Must not know which platform it is.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Response
from werkzeug.wsgi import LimitedStream

from platforms.sandbox import wire
from platforms.sandbox.faults import Fault, Faults
from platforms.sandbox.log import ENTRY, Log
from platforms.sandbox.plays import KINDS, Endpoint, Moment

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PIECE = 65_536


@dataclass(frozen=True)
class Manners:
    app: "WSGIApplication"
    endpoints: Mapping[tuple[str, str], Endpoint]
    log: Log
    faults: Faults
    over: threading.Event

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        known = self.endpoints.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if known is None:
            return self.app(environ, start)
        return self.attended(environ, known)(environ, start)

    def attended(self, environ: "WSGIEnvironment", endpoint: Endpoint) -> Response:
        entry = environ[ENTRY] = self.log.arrived(endpoint.name)
        fault = self.faults.take(endpoint.name)
        body = bounded(environ)
        if fault is None:
            answer = Response.from_app(self.app, environ, buffered=True)
        else:
            entry.fault = fault.kind
            answer = self.spoilt(environ, endpoint, fault, body)
        exhaust(body)  # closing with unread bytes would reset the connection
        entry.status = answer.status_code
        return answer

    def spoilt(
        self,
        environ: "WSGIEnvironment",
        endpoint: Endpoint,
        fault: Fault,
        body: LimitedStream | None,
    ) -> Response:
        kind = KINDS[fault.kind]
        works = kind.works if fault.work is None else fault.work
        answer = Response.from_app(self.app, environ, buffered=True) if works else None
        exhaust(body)
        return kind.play(Moment(fault, endpoint, environ, answer, self.over))


def bounded(environ: "WSGIEnvironment") -> LimitedStream | None:
    """The body with its end marked; None if its length is not told, or it has none."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or environ.get("wsgi.input_terminated"):
        return None
    body = LimitedStream(environ["wsgi.input"], int(length))
    environ["wsgi.input"] = body
    return body


def exhaust(body: LimitedStream | None) -> None:
    try:
        while body is not None and body.read(PIECE):
            pass
    except ClientDisconnected:
        raise wire.Gone from None
