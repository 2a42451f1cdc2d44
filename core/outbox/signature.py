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

MARK = "whsec_"
MADE, LEAST, MOST = 32, 24, 64  # bytes


def new_secret() -> Secret:
    return Secret(MARK + b64encode(secrets.token_bytes(MADE)).decode())


def key(secret: Secret) -> bytes:
    """The bytes that sign. Errors: ValueError that quotes nothing."""
    try:
        found = b64decode(secret.reveal().removeprefix(MARK), validate=True)
    except (NotBase64, ValueError):
        raise ValueError("a secret is base64") from None
    if not LEAST <= len(found) <= MOST:
        raise ValueError(f"a secret has {LEAST} to {MOST} bytes")
    return found


def headers(
    name: str, body: bytes, *, at: datetime, signed_with: Sequence[Secret]
) -> Mapping[str, str]:
    """`name` stays the same at every try, `at` is the try's own; one signature for each secret."""
    stamp = str(int(at.timestamp()))
    signed = b".".join((name.encode(), stamp.encode(), body))
    digests = [hmac.digest(key(secret), signed, "sha256") for secret in signed_with]
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{b64encode(each).decode()}" for each in digests),
    }
