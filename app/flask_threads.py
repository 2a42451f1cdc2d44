"""Runs the Flask application in threads behind ASGI; responses leave from the event loop.

A thread is taken when the body of a request has arrived, and is free again when the response has
been made: a client that reads slowly, or not at all, occupies none (decision 0034).
"""

from asyncio import AbstractEventLoop, Task, create_task, get_running_loop, timeout
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import ClosingIterator, FileWrapper

from app.http.body_receipt import Message, Receive, Scope, Send

FILE_CHUNK_BYTES = 256 * 1024
FILE_THREADS = 4  # read files of responses, a chunk at a time
SEND_TIMEOUT = 60.0  # seconds for the client to read a chunk
REQUEST_STREAM_KEY = "signalpost.request_stream"  # in the ASGI scope
UNLIMITED = 0  # size of a queue


class RequestStream:
    """A request whose body has arrived: watches for `http.disconnect`, holds the response's file.

    The server accepts parts of a response even if the client has left, so that the producer of a
    long response has to look at `is_disconnected`.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._disconnect_watcher: Task[None] | None = None
        self.is_disconnected = False
        self.file_chunks: Iterable[bytes] | None = None

    def replay(self, body: bytes) -> Receive:
        """Return a `receive` that yields the body, and begin to watch."""
        self._disconnect_watcher = create_task(self._watch_disconnect())

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        return receive

    def stop_watching(self) -> None:
        if self._disconnect_watcher is not None:
            self._disconnect_watcher.cancel()

    async def _watch_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_disconnected = True


class FlaskThreads:
    """The Flask application in a pool of threads, as an ASGI application."""

    def __init__(self, app: Flask, threads: int, *, send_timeout: float = SEND_TIMEOUT) -> None:
        self._wsgi: Any = WSGIMiddleware(
            adapt_wsgi_app(app), workers=threads, send_queue_size=UNLIMITED
        )
        self._send_timeout = send_timeout
        self._file_threads = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="file-reader")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream: RequestStream | None = scope.get(REQUEST_STREAM_KEY)

        async def send_in_time(message: Message) -> None:
            is_end = message["type"] == "http.response.body" and not message.get("more_body")
            if is_end and stream and stream.file_chunks is not None:
                await self._send_file(stream, stream.file_chunks, send)
            await self._send_message(message, send)

        with suppress(ClientDisconnected):
            await self._wsgi(scope, receive, send_in_time)

    async def _send_file(self, stream: RequestStream, chunks: Iterable[bytes], send: Send) -> None:
        """Send a file; a thread reads each chunk when the client has taken the one before."""
        loop: AbstractEventLoop = get_running_loop()
        remaining = iter(chunks)
        try:
            while not stream.is_disconnected:
                chunk = await loop.run_in_executor(self._file_threads, next, remaining, None)
                if chunk is None:
                    return
                message = {"type": "http.response.body", "body": chunk, "more_body": True}
                await self._send_message(message, send)
        finally:
            getattr(chunks, "close", lambda: None)()

    async def _send_message(self, message: Message, send: Send) -> None:
        """Errors: ClientDisconnected if the client does not read it in time."""
        try:
            async with timeout(self._send_timeout):
                await send(message)
        except TimeoutError:
            raise ClientDisconnected from None


def adapt_wsgi_app(app: Flask) -> Any:
    """Wrap the Flask application so that it knows what this server can do.

    A request body ends where the server says so, also without a length. Files are left to the
    event loop, and are sent in parts large enough to be worth their way to it. Another response
    ends when the client has disconnected.
    """
    server_environ = {
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": lambda file, _size=0: FileWrapper(file, FILE_CHUNK_BYTES),
    }

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> Any:
        parts = app(environ | server_environ, start_response)
        stream: RequestStream | None = environ["asgi.scope"].get(REQUEST_STREAM_KEY)
        if stream is None:
            return parts
        if not isinstance(parts, ClosingIterator):  # then it is passed on as the view made it
            stream.file_chunks = parts
            return ()
        return ClosingIterator(
            iterate_while_connected(parts, stream), getattr(parts, "close", None)
        )

    return wsgi_app


def iterate_while_connected(parts: Iterable[bytes], stream: RequestStream) -> Iterator[bytes]:
    for part in parts:
        if stream.is_disconnected:
            return
        yield part
