"""What all peers do with a delivery first: judge its signature. Written as most people write it."""

import hashlib
import hmac
import json
import os
import time
from typing import Any

from flask import abort, request

TOLERANCE = 300  # seconds


def delivery() -> dict[str, Any]:
    """The envelope of a rightly signed request; anything else is answered 401."""
    body = request.get_data()
    parts = dict(
        part.split("=", 1)
        for part in request.headers.get("TikTok-Signature", "").split(",")
        if "=" in part
    )
    signed = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(os.environ["WEBHOOK_SECRET"].encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, parts.get("s", "")):
        abort(401)
    if abs(time.time() - int(parts["t"])) > TOLERANCE:
        abort(401)
    envelope: dict[str, Any] = json.loads(body)
    return envelope
