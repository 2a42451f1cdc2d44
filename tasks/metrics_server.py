"""The page of metrics of a worker, on a port of its own, served by the worker's main process.

It shows what the worker's processes count. What is read from rows is on the page of the web process
alone, so that adding up all pages counts nothing twice.
"""

from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import structlog

from core.config.settings import Settings
from core.observability import metrics
from platforms.secret import Secret

PATH = "/metrics"
REQUEST_TIMEOUT = 5.0  # seconds in which a client has to send its request
LOOPBACK_HOST, EVERY_HOST = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only with a token # nosec B104
FOLDER_MISSING = (
    "PROMETHEUS_MULTIPROC_DIR must name an empty directory of this worker's own before it starts:"
    " without one, what its processes count cannot be read\n"
)

log = structlog.get_logger(__name__)


class MetricsHandler(BaseHTTPRequestHandler):
    """Answers GET /metrics; with METRICS_TOKEN configured, only to who sends it."""

    timeout = REQUEST_TIMEOUT
    server_version, sys_version = "signalpost", ""

    def __init__(self, *args: Any, token: Secret | None) -> None:
        self._token = token
        super().__init__(*args)

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND, b"the page is /metrics\n")
        elif self._token is not None and Secret(sent) != self._token:
            self._answer(HTTPStatus.UNAUTHORIZED, b"send METRICS_TOKEN as Bearer token\n")
        elif not metrics.has_shared_folder():
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, FOLDER_MISSING.encode())
        else:
            page = metrics.render_exposition({})
            self._answer(HTTPStatus.OK, page, content_type=metrics.CONTENT_TYPE)

    def _answer(
        self, status: HTTPStatus, body: bytes, *, content_type: str = "text/plain; charset=utf-8"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: Prometheus asks every few seconds."""


def start_metrics_server(settings: Settings) -> ThreadingHTTPServer | None:
    """Serve METRICS_PORT in a thread. Without METRICS_TOKEN only this machine is answered.

    A port that is in use does not stop the worker: it is logged, and Prometheus misses the page.
    """
    if settings.metrics_port is None:
        return None
    host = EVERY_HOST if settings.metrics_token else LOOPBACK_HOST
    handler = partial(MetricsHandler, token=settings.metrics_token)
    try:
        server = ThreadingHTTPServer((host, settings.metrics_port), handler)
    except OSError as error:
        log.warning("metrics.port_unusable", port=settings.metrics_port, error=error.strerror)
        return None
    Thread(target=server.serve_forever, name="metrics-server", daemon=True).start()
    return server
