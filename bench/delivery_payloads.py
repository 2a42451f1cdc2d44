"""Builds deliveries as TikTok documents them: body, signature and HTTP request.

Uses the standard library only, and no code of what is measured.
"""

import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

from bench.load_order import LoadOrder

CREATOR_COUNT = 20  # accounts that all publications are spread over


def build_requests(order: LoadOrder) -> list[bytes]:
    """Return all deliveries of a phase, from number 1, as the raw bytes of HTTP requests.

    They are signed now. Signatures are valid for five minutes, longer than any phase.
    """
    address = urlsplit(order.url)
    request_line = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    return [
        build_request(order, request_line, number) for number in range(1, order.max_deliveries + 1)
    ]


def health_request(order: LoadOrder) -> bytes:
    """Return the raw bytes of a health check request."""
    return f"GET /healthz HTTP/1.1\r\nHost: {urlsplit(order.url).netloc}\r\n\r\n".encode()


def build_request(order: LoadOrder, request_line: str, number: int) -> bytes:
    body = build_body(order.prefix, number, order.client_key)
    head = (
        f"{request_line}Content-Type: application/json\r\nUser-Agent: bench\r\n"
        f"TikTok-Signature: {sign_body(body, order.secret)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def build_body(prefix: str, number: int, client_key: str) -> bytes:
    content = {"publish_id": f"{prefix}{number}", "publish_type": "DIRECT_PUBLISH"}
    envelope = {
        "client_key": client_key,
        "event": "post.publish.complete",
        "create_time": int(time.time()),
        "user_openid": f"open-{number % CREATOR_COUNT}",
        "content": json.dumps(content),
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def sign_body(body: bytes, secret: str) -> str:
    """Return the `TikTok-Signature` header of these raw bytes, signed now."""
    timestamp = str(int(time.time()))
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"t={timestamp},s={signed.hexdigest()}"
