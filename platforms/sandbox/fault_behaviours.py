"""What each injected fault does to a response, and whether the call takes effect before it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from platforms.sandbox import raw_socket
from platforms.sandbox.faults import InjectedFault
from platforms.sandbox.named_errors import GRAPH_ERROR_KIND
from platforms.sandbox.response_shapes import RESPONSE_SHAPES, reshape_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SLOW_SECONDS = 5.0  # default delay of `slow`
DRIP_SECONDS = 1.0  # default time between two bytes of `drip`
HANG_SECONDS = 600.0  # default time after which `hang` closes the connection
HTML_PAGE = "<!doctype html><html><title>Welcome</title><body>All is well.</body></html>"


@dataclass(frozen=True)
class SandboxEndpoint:
    """An endpoint of the platform; `error_body` gives its body of a response 500 or 429.

    `named_error` answers with an error of the platform's tables, if it has some.
    """

    name: str
    error_body: Callable[[int], str]
    named_error: Callable[[Mapping[str, Any]], Response] | None = None


@dataclass(frozen=True)
class FaultContext:
    """What a fault works with; `response` is None if the call did not take effect."""

    fault: InjectedFault
    endpoint: SandboxEndpoint
    environ: "WSGIEnvironment"
    response: Response | None
    shutdown: threading.Event
    wait_until_cleared: Callable[[float], None]

    @property
    def server_error(self) -> Response:
        return self.error_response(500)

    def error_response(self, status: int) -> Response:
        return Response(self.endpoint.error_body(status), status, mimetype="application/json")

    def wait(self, default: float) -> None:
        self.shutdown.wait(default if self.fault.seconds is None else self.fault.seconds)


def respond_500(context: FaultContext) -> Response:
    return context.server_error


def respond_429(context: FaultContext) -> Response:
    response = context.error_response(429)
    response.headers["Retry-After"] = str(int(context.fault.seconds or 1))
    return response


def respond_html(_context: FaultContext) -> Response:
    return Response(HTML_PAGE, mimetype="text/html")


def respond_html_502(_context: FaultContext) -> Response:
    return Response(HTML_PAGE, 502, mimetype="text/html")


def respond_graph_error(context: FaultContext) -> Response:
    """Answer with an error of Meta's tables, which the fault's `fields` name by code."""
    named_error = context.endpoint.named_error
    return named_error(context.fault.fields) if named_error else context.server_error


def truncate_json(context: FaultContext) -> Response:
    """Cut the body in the middle, but with the right length, so that only parsing it fails."""
    response = context.response or context.server_error
    body = response.get_data()
    response.set_data(body[: len(body) // 2])
    return response


def respond_slowly(context: FaultContext) -> Response:
    """Answer after the time of the fault, or as soon as faults are cleared."""
    seconds = context.fault.seconds
    context.wait_until_cleared(SLOW_SECONDS if seconds is None else seconds)
    return context.response or context.server_error


def drop_connection(_context: FaultContext) -> Response:
    raise raw_socket.ConnectionDropped


def hang_connection(context: FaultContext) -> Response:
    context.wait(HANG_SECONDS)
    raise raw_socket.ConnectionDropped


def truncate_response(context: FaultContext) -> Response:
    context.environ["werkzeug.socket"].sendall(
        raw_socket.half_response(context.response or context.server_error)
    )
    raise raw_socket.ConnectionDropped


def reset_connection(context: FaultContext) -> Response:
    sock = context.environ["werkzeug.socket"]
    sock.sendall(raw_socket.half_response(context.response or context.server_error))
    raw_socket.send_reset(sock)
    raise raw_socket.ConnectionDropped


def drip_response(context: FaultContext) -> Response:
    pause = DRIP_SECONDS if context.fault.seconds is None else context.fault.seconds
    data = raw_socket.response_bytes(context.response or context.server_error)
    raw_socket.send_slowly(
        context.environ["werkzeug.socket"], data, pause=pause, shutdown=context.shutdown
    )
    raise raw_socket.ConnectionDropped


def respond_in_odd_shape(context: FaultContext) -> Response:
    response = context.response or context.server_error
    body = reshape_body(context.fault.kind, response.get_data(), context.fault.fields)
    response.set_data(body)
    return response


@dataclass(frozen=True)
class FaultBehaviour:
    """`takes_effect`: whether the platform carries out the call, unless the fault's `work` says
    otherwise.
    """

    respond: Callable[[FaultContext], Response]
    takes_effect: bool


FAULT_BEHAVIOURS: Mapping[str, FaultBehaviour] = {
    "http_500": FaultBehaviour(respond_500, takes_effect=False),
    "http_429": FaultBehaviour(respond_429, takes_effect=False),
    "html_200": FaultBehaviour(respond_html, takes_effect=False),
    "html_502": FaultBehaviour(respond_html_502, takes_effect=False),
    GRAPH_ERROR_KIND: FaultBehaviour(respond_graph_error, takes_effect=False),
    "drop_before": FaultBehaviour(drop_connection, takes_effect=False),
    "drop_after": FaultBehaviour(drop_connection, takes_effect=True),
    "hang": FaultBehaviour(hang_connection, takes_effect=False),
    "slow": FaultBehaviour(respond_slowly, takes_effect=True),
    "truncate": FaultBehaviour(truncate_response, takes_effect=True),
    "truncated_json": FaultBehaviour(truncate_json, takes_effect=True),
    "reset": FaultBehaviour(reset_connection, takes_effect=True),
    "drip": FaultBehaviour(drip_response, takes_effect=True),
    **dict.fromkeys(RESPONSE_SHAPES, FaultBehaviour(respond_in_odd_shape, takes_effect=True)),
}
