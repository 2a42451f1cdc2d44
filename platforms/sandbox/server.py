"""The threaded HTTP server of the sandbox; listens on loopback by default."""

import threading
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

DEFAULT_HOST = "127.0.0.1"
HEADERS_KEY = "sandbox.headers"  # the key of all headers in a request's WSGI environ
POLL_INTERVAL = 0.05  # seconds between two checks whether to stop


class QuietRequestHandler(WSGIRequestHandler):
    """Logs no requests: their query strings contain codes and upload tokens."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's signature
        pass

    def make_environ(self) -> "WSGIEnvironment":
        """Keep the headers as they came: werkzeug drops names with `_`, such as `file_size`."""
        return super().make_environ() | {HEADERS_KEY: self.headers}

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:  # noqa: ARG002 - werkzeug's signature
        """Send nothing more on a connection that either side has dropped."""
        self.close_connection = True


class SandboxServer:
    def __init__(self, app: "WSGIApplication", port: int, *, host: str = DEFAULT_HOST) -> None:
        self._server: BaseWSGIServer = make_server(
            host, port, app, threaded=True, request_handler=QuietRequestHandler
        )
        self.url = f"http://{host}:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=[POLL_INTERVAL], daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
