"""What TikTok sends: bodies and signatures by its documentation, from the standard library alone.

Shares no code with what is measured.
"""

import hashlib
import hmac
import json
import time

CREATORS = 20  # accounts that all publications are spread over


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


def signature(letter: bytes, secret: str) -> str:
    """`TikTok-Signature` over the raw bytes, of this very second."""
    at = str(int(time.time()))
    signed = hmac.new(secret.encode(), at.encode() + b"." + letter, hashlib.sha256)
    return f"t={at},s={signed.hexdigest()}"
