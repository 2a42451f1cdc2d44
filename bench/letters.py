"""What TikTok sends: bodies and signatures by its documentation, from the standard library alone.

Shares no code with what is measured.
"""

import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

from bench.orders import Order

CREATORS = 20  # accounts that all publications are spread over


def written(order: Order) -> list[bytes]:
    """All letters of a phase, from number 1, as they go over the line.

    Signed now: whoever takes signatures of the last five minutes takes them all.
    """
    address = urlsplit(order.url)
    at = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    return [letter(order, at, number) for number in range(1, order.most + 1)]


def greeting(order: Order) -> bytes:
    """Asks for nothing but an answer."""
    return f"GET /healthz HTTP/1.1\r\nHost: {urlsplit(order.url).netloc}\r\n\r\n".encode()


def letter(order: Order, at: str, number: int) -> bytes:
    said = body(order.prefix, number, order.client_key)
    head = (
        f"{at}Content-Type: application/json\r\nUser-Agent: bench\r\n"
        f"TikTok-Signature: {signature(said, order.secret)}\r\n"
        f"Content-Length: {len(said)}\r\n\r\n"
    )
    return head.encode() + said


def body(prefix: str, number: int, client_key: str) -> bytes:
    content = {"publish_id": f"{prefix}{number}", "publish_type": "DIRECT_PUBLISH"}
    envelope = {
        "client_key": client_key,
        "event": "post.publish.complete",
        "create_time": int(time.time()),
        "user_openid": f"open-{number % CREATORS}",
        "content": json.dumps(content),
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def signature(said: bytes, secret: str) -> str:
    """`TikTok-Signature` over the raw bytes, of this very second."""
    at = str(int(time.time()))
    signed = hmac.new(secret.encode(), at.encode() + b"." + said, hashlib.sha256)
    return f"t={at},s={signed.hexdigest()}"
