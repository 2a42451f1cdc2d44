"""Verifies TikTok's signature as most applications do, with the standard library."""

import hashlib
import hmac
import json
import os
import time
from typing import Any

TOLERANCE_SECONDS = 300


def verify_envelope(header: str, body: bytes) -> dict[str, Any] | None:
    """Return the parsed body if the signature is valid and recent, otherwise None."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signed = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(os.environ["WEBHOOK_SECRET"].encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, parts.get("s", "")):
        return None
    if abs(time.time() - int(parts["t"])) > TOLERANCE_SECONDS:
        return None
    envelope: dict[str, Any] = json.loads(body)
    return envelope
