"""Calls an ASGI application as a server does, without a socket."""

import asyncio
import json
from types import SimpleNamespace

from tests.support.tiktok_webhooks import WEBHOOK_PATH, sign_body


class AsgiCaller:
    """Calls an ASGI application as a server does, without a socket."""

    def __init__(self, app):
        self.app = app

    def request(self, *args, **kwargs):
        return asyncio.run(self.request_async(*args, **kwargs))

    async def request_async(
        self, path, body=b"", headers=(), *, method="POST", scheme="http", complete=True
    ):
        """Send the body in two parts; unless it is `complete`, disconnect instead of the second."""
        all_headers = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **dict(headers)}
        parts = [
            {"type": "http.request", "body": body[:10], "more_body": True},
            {"type": "http.request", "body": body[10:], "more_body": False}
            if complete
            else {"type": "http.disconnect"},
        ]
        messages = []

        async def receive():
            if len(parts) > 1 or (parts and complete):
                return parts.pop(0)
            return parts[0] if parts else await asyncio.Event().wait()  # still connected

        async def send(message):
            messages.append(message)

        path, _, query = path.partition("?")
        await self.app(make_scope(method, scheme, path, query, all_headers), receive, send)
        return collect_response(messages)

    def send_delivery(self, envelope, headers=(), **options):
        return self.request(WEBHOOK_PATH, *sign_envelope(envelope, headers), **options)


def make_scope(method, scheme, path, query, headers):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
        ],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }


def sign_envelope(envelope, headers=()):
    body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
    return body, {"TikTok-Signature": sign_body(body), **dict(headers)}


def collect_response(messages):
    start, *parts = messages
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    body = b"".join(part.get("body", b"") for part in parts)
    return SimpleNamespace(status=start["status"], headers=headers, body=body)
