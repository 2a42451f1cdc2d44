"""WSGI middleware before the platform's endpoints: logs each request and applies faults."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Response
from werkzeug.wsgi import LimitedStream

from platforms.sandbox import raw_socket
from platforms.sandbox.fault_behaviours import FAULT_BEHAVIOURS, FaultContext, SandboxEndpoint
from platforms.sandbox.faults import FaultRegistry, InjectedFault
from platforms.sandbox.request_log import ENTRY_KEY, SandboxLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READ_SIZE = 65_536  # bytes
FindEndpoint = Callable[["WSGIEnvironment"], SandboxEndpoint | None]
"""The environ of a request → the endpoint it is for."""


@dataclass(frozen=True)
class FaultMiddleware:
    """Passes requests to the application; only those to endpoints are logged and can fail."""

    app: "WSGIApplication"
    find_endpoint: FindEndpoint
    log: SandboxLog
    faults: FaultRegistry
    shutdown: threading.Event

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        endpoint = self.find_endpoint(environ)
        if endpoint is None:
            return self.app(environ, start_response)
        return self.respond(environ, endpoint)(environ, start_response)

    def respond(self, environ: "WSGIEnvironment", endpoint: SandboxEndpoint) -> Response:
        entry = environ[ENTRY_KEY] = self.log.add(endpoint.name)
        fault = self.faults.consume(endpoint.name)
        body = limit_body(environ)
        if fault is None:
            response = Response.from_app(self.app, environ, buffered=True)
        else:
            entry.fault = fault.kind
            response = self.respond_with_fault(environ, endpoint, fault, body)
        drain_body(body)  # closing with unread bytes would reset the connection
        entry.status = response.status_code
        return response

    def respond_with_fault(
        self,
        environ: "WSGIEnvironment",
        endpoint: SandboxEndpoint,
        fault: InjectedFault,
        body: LimitedStream | None,
    ) -> Response:
        behaviour = FAULT_BEHAVIOURS[fault.kind]
        takes_effect = behaviour.takes_effect if fault.work is None else fault.work
        response = Response.from_app(self.app, environ, buffered=True) if takes_effect else None
        drain_body(body)
        context = FaultContext(
            fault, endpoint, environ, response, self.shutdown, self.faults.wait_until_cleared
        )
        return behaviour.respond(context)


def limit_body(environ: "WSGIEnvironment") -> LimitedStream | None:
    """Limit the request body to its length; None if the request states no length."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or environ.get("wsgi.input_terminated"):
        return None
    body = LimitedStream(environ["wsgi.input"], int(length))
    environ["wsgi.input"] = body
    return body


def drain_body(body: LimitedStream | None) -> None:
    """Read the rest of the request body. Errors: ConnectionDropped if the client disconnected."""
    try:
        while body is not None and body.read(READ_SIZE):
            pass
    except ClientDisconnected:
        raise raw_socket.ConnectionDropped from None
