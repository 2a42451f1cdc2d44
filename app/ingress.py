"""What the web server runs. Ordinary letters are stored here, on the event loop itself.

A letter that waits for its commit is a task here and not a thread. Everything else is Flask's: all
other routes, letters of an unusual form, and each answer that is not 200.
"""

import gc
import time
from typing import Any, NamedTuple

from a2wsgi import WSGIMiddleware
from flask import Flask

from app import asgi, create_app, security, trace
from app.asgi import Receive, Scope, Send
from app.context import HOUSE, House
from app.door import PATH, STORED
from app.webhooks import ANSWERS, ROUTE
from core import webhooks
from core.watch import metrics
from core.watch.telemetry import correlate
from db.base import PROVIDERS

THREADS = 32  # of Flask
ORDINARY = 64 * 1024  # bytes: reading a longer letter would hold up all others
UNUSUAL = ("transfer-encoding", "expect")


class Announced(NamedTuple):
    """What is known of a delivery before its body."""

    provider: str
    head: dict[str, str]


def create_ingress() -> "Ingress":
    """For the server. Errors: Misconfigured."""
    made = Ingress(create_app())
    gc.freeze()  # half a million objects of imports: to walk them holds up every letter
    return made


class Ingress:
    """An ASGI application around a Flask one."""

    def __init__(self, app: Flask) -> None:
        self._house: House = app.extensions[HOUSE]
        self._flask: Any = WSGIMiddleware(asgi.bridged(app), workers=THREADS)
        self._providers = {PATH + name: name for name in PROVIDERS}
        told = security.headers(PATH, self._house.settings)
        self._told = asgi.encoded({**told, "Content-Type": "application/json"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._flask(scope, receive, send)
        elif letter := self._ordinary(scope):
            await self._hear(letter, scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """To Flask, in a thread, as soon as there is something to hear."""
        caller = asgi.Caller(receive)
        await caller.began()
        try:
            await self._flask({**scope, asgi.CALLER: caller}, caller.hear, send)
        finally:
            caller.leave()

    async def _hear(self, letter: Announced, scope: Scope, receive: Receive, send: Send) -> None:
        began, request_id = time.perf_counter(), correlate(trace.asked(letter.head))
        body = b""
        try:
            body = await asgi.whole(receive)
            known = webhooks.judged(self._house.world, *letter, body, correlation_id=request_id)
            receipt = await webhooks.take_in(self._house.inbox, known)
        except Exception as error:  # noqa: BLE001 - Flask knows what each is answered with
            fault = None if isinstance(error, webhooks.Refused) else error  # to be tried otherwise
            handed = trace.Handed(began, request_id, fault)
            await self._flask({**scope, trace.HANDED: handed}, asgi.again(body), send)
            return
        spent = time.perf_counter() - began
        metrics.of(metrics.WEBHOOK_ACK, letter.provider).observe(spent)
        trace.count(ROUTE, "POST", STORED, spent)
        said = ANSWERS[receipt.duplicate]
        own = {**trace.told(request_id, spent), "Content-Length": str(len(said))}
        await asgi.answer(send, STORED, [*self._told, *asgi.encoded(own)], said)

    def _ordinary(self, scope: Scope) -> Announced | None:
        """None for whatever is Flask's from the beginning."""
        provider = self._providers.get(scope["path"]) if scope["method"] == "POST" else None
        head = asgi.heading(scope["headers"]) if provider and not scope["query_string"] else None
        if provider is None or head is None or any(name in head for name in UNUSUAL):
            return None
        length, settings = head.get("content-length", ""), self._house.settings
        if not length.isdigit() or int(length) > min(ORDINARY, settings.limits.webhook_max_bytes):
            return None
        if settings.is_production and not asgi.is_sealed(scope, head, settings.trusted_proxy_count):
            return None
        return Announced(provider, head)
