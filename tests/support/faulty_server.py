"""A WSGI server that answers with planned faults before it does its work."""

from socket import SHUT_RDWR


class FaultyServer:
    """Answers requests of one method with the planned faults, one each, before it does its work.

    A fault is None for a lost connection, "answer" if the request is carried out and its answer is
    lost, or status, headers and body.
    """

    def __init__(self, app, method, *planned):
        self.app, self.method, self.planned, self.requests = app, method, [*planned], []

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] != self.method:
            return self.app(environ, start_response)
        self.requests.append(environ.get("HTTP_IDEMPOTENCY_KEY"))
        if not self.planned:
            return self.app(environ, start_response)
        fault = self.planned.pop(0)
        if fault == "answer":
            self.app(environ, lambda *_: None)
        if fault in (None, "answer"):
            environ["werkzeug.socket"].shutdown(SHUT_RDWR)
            return []
        status, headers, body = fault
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, headers)
        return [body]
