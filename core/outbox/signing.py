"""Signatures of outbound deliveries, after Standard Webhooks 1.0.

Source: the specification of standardwebhooks.com, "Signature scheme" (read 2026-11-27).
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import datetime

from platforms.secret import Secret

KEY_PREFIX = "whsec_"
SECRET_BYTES = 32
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64


def generate_secret() -> Secret:
    """Return a new signing secret: `whsec_` and base64 of `SECRET_BYTES` random bytes."""
    return Secret(KEY_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def signing_key(secret: Secret) -> bytes:
    """Decode a secret to the bytes that sign. Errors: ValueError, without the secret."""
    try:
        key_bytes = b64decode(secret.reveal().removeprefix(KEY_PREFIX), validate=True)
    except (NotBase64, ValueError):
        raise ValueError(f"the secret must be base64 after {KEY_PREFIX}") from None
    if not MIN_SECRET_BYTES <= len(key_bytes) <= MAX_SECRET_BYTES:
        raise ValueError(f"the secret must have {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")
    return key_bytes


def signature_headers(
    message_id: str, body: bytes, *, at: datetime, signing_secrets: Sequence[Secret]
) -> Mapping[str, str]:
    """Return the headers of one attempt, with one signature for each secret.

    `message_id` is the same at every attempt, `at` is the time of this one.
    """
    timestamp = str(int(at.timestamp()))
    signed_content = b".".join((message_id.encode(), timestamp.encode(), body))
    digests = [
        hmac.digest(signing_key(secret), signed_content, "sha256") for secret in signing_secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests),
    }
