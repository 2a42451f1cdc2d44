"""Whether a delivery is TikTok's. Written as most people write it, from the standard library."""

import hashlib
import hmac
import json
import os
import time
from typing import Any

TOLERANCE_SECONDS = 300  # seconds


def verify_envelope(header: str, body: bytes) -> dict[str, Any] | None:
    """What a rightly signed delivery says, None for any other."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signed = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(os.environ["WEBHOOK_SECRET"].encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, parts.get("s", "")):
        return None
    if abs(time.time() - int(parts["t"])) > TOLERANCE_SECONDS:
        return None
    envelope: dict[str, Any] = json.loads(body)
    return envelope
