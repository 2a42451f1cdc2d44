"""What TikTok sends: bodies and signatures by its documentation, from the standard library alone.

Shares no code with what is measured.
"""

import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

from bench.load_order import LoadOrder

CREATOR_COUNT = 20  # accounts that all publications are spread over


def build_requests(order: LoadOrder) -> list[bytes]:
    """All letters of a phase, from number 1, as they go over the line.

    Signed now: whoever takes signatures of the last five minutes takes them all.
    """
    address = urlsplit(order.url)
    request_line = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    return [
        build_request(order, request_line, number) for number in range(1, order.max_deliveries + 1)
    ]


def health_request(order: LoadOrder) -> bytes:
    """Asks for nothing but an answer."""
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
    """`TikTok-Signature` over the raw bytes, of this very second."""
    timestamp = str(int(time.time()))
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"t={timestamp},s={signed.hexdigest()}"
