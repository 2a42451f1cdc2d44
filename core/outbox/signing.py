"""Signatures as receivers check them: Standard Webhooks 1.0. Pure but for making a secret.

Source: the specification of standardwebhooks.com, "Signature scheme" (read 2026-11-27).
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import datetime

from platforms.secret import Secret

SECRET_PREFIX = "whsec_"
SECRET_BYTES, MIN_SECRET_BYTES, MAX_SECRET_BYTES = 32, 24, 64  # bytes


def generate_secret() -> Secret:
    return Secret(SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def signing_key(secret: Secret) -> bytes:
    """The bytes that sign. Errors: ValueError that quotes nothing."""
    try:
        key_bytes = b64decode(secret.reveal().removeprefix(SECRET_PREFIX), validate=True)
    except (NotBase64, ValueError):
        raise ValueError("a secret is base64") from None
    if not MIN_SECRET_BYTES <= len(key_bytes) <= MAX_SECRET_BYTES:
        raise ValueError(f"a secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")
    return key_bytes


def signature_headers(
    message_id: str, body: bytes, *, at: datetime, signing_secrets: Sequence[Secret]
) -> Mapping[str, str]:
    """`name` stays the same at every try, `at` is the try's own; one signature for each secret."""
    timestamp = str(int(at.timestamp()))
    signed_content = b".".join((message_id.encode(), timestamp.encode(), body))
    digests = [
        hmac.digest(signing_key(secret), signed_content, "sha256") for secret in signing_secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{b64encode(each).decode()}" for each in digests),
    }
