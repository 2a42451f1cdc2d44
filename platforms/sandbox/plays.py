"""How each fault is played before or after the platform's own work. Must not know when it is due.

A table of endpoints says what an answer of 500 or 429 looks like there.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from platforms.sandbox import wire
from platforms.sandbox.faults import Fault

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FOR_EVER = 600.0  # seconds a hanging answer is held back
HTML = "<!doctype html><html><title>Welcome</title><body>All is well.</body></html>"


@dataclass(frozen=True)
class Endpoint:
    """`refuse` gives the body that the platform sends with a status of its own making."""

    name: str
    refuse: Callable[[int], str]


@dataclass(frozen=True)
class Moment:
    """What a fault has at hand. `answer` is what would have been sent; None if nothing was done."""

    fault: Fault
    endpoint: Endpoint
    environ: "WSGIEnvironment"
    answer: Response | None
    over: threading.Event

    @property
    def refusal(self) -> Response:
        return self.refused(500)

    def refused(self, status: int) -> Response:
        return Response(self.endpoint.refuse(status), status, mimetype="application/json")

    def wait(self, default: float) -> None:
        self.over.wait(default if self.fault.seconds is None else self.fault.seconds)


def http_500(moment: Moment) -> Response:
    return moment.refusal


def http_429(moment: Moment) -> Response:
    answer = moment.refused(429)
    answer.headers["Retry-After"] = str(int(moment.fault.seconds or 1))
    return answer


def html_200(_moment: Moment) -> Response:
    return Response(HTML, mimetype="text/html")


def slow(moment: Moment) -> Response:
    moment.wait(5.0)
    return moment.answer or moment.refusal


def drop(_moment: Moment) -> Response:
    raise wire.Gone


def hang(moment: Moment) -> Response:
    moment.wait(FOR_EVER)
    raise wire.Gone


def truncate(moment: Moment) -> Response:
    moment.environ["werkzeug.socket"].sendall(wire.half(moment.answer or moment.refusal))
    raise wire.Gone


def reset(moment: Moment) -> Response:
    sock = moment.environ["werkzeug.socket"]
    sock.sendall(wire.half(moment.answer or moment.refusal))
    wire.reset(sock)
    raise wire.Gone


def drip(moment: Moment) -> Response:
    pause = 1.0 if moment.fault.seconds is None else moment.fault.seconds
    data = wire.octets(moment.answer or moment.refusal)
    wire.drip(moment.environ["werkzeug.socket"], data, pause=pause, over=moment.over)
    raise wire.Gone


@dataclass(frozen=True)
class Kind:
    """`works`: whether the call takes effect before the fault is played."""

    works: bool
    play: Callable[[Moment], Response]


KINDS: Mapping[str, Kind] = {
    "http_500": Kind(False, http_500),
    "http_429": Kind(False, http_429),
    "html_200": Kind(False, html_200),
    "drop_before": Kind(False, drop),
    "drop_after": Kind(True, drop),
    "hang": Kind(False, hang),
    "slow": Kind(True, slow),
    "truncate": Kind(True, truncate),
    "reset": Kind(True, reset),
    "drip": Kind(True, drip),
}
