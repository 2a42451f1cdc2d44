"""Verification of the messages that signalpost sends to an endpoint, after Standard Webhooks 1.0.

Source: the specification of standardwebhooks.com, "Signature scheme" (read 2026-11-29).
"""

import hmac
import json
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from typing import Any

from signalpost_client.errors import ClientError

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of all of them
SIGNATURE_VERSION = "v1"
DEFAULT_TOLERANCE = 300.0  # seconds between the sender's clock and ours


class SignatureRefused(ClientError):
    """The message was not sent by signalpost, was changed, or is too old. Answer it with 401."""


def verify_webhook(
    secrets: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    now: float | None = None,
) -> dict[str, Any]:
    """Verify a message and return its JSON.

    `secrets` is the endpoint's secret, or several while it is changed; `body` are the bytes as they
    arrived. A message can arrive twice: its header `webhook-id` stays the same. Units: seconds.
    Errors: SignatureRefused; ValueError if a secret has not the form of one.
    """
    keys = [decode_secret(each) for each in ([secrets] if isinstance(secrets, str) else secrets)]
    values = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp = values["webhook-id"], values["webhook-timestamp"]
        candidates = values["webhook-signature"].split()
    except KeyError as error:
        raise SignatureRefused(f"the header {error.args[0]} is missing") from None
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    if not has_valid_signature(keys, candidates, content):
        raise SignatureRefused("no signature belongs to this message and secret")
    check_time(timestamp, tolerance=tolerance, now=time.time() if now is None else now)
    return parse_message(body)


def decode_secret(secret: str) -> bytes:
    """Return the bytes that sign. Errors: ValueError, without the secret."""
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (NotBase64, ValueError):
        key = b""
    if not key:
        raise ValueError(f"the secret must be base64 after {SECRET_PREFIX}")
    return key


def has_valid_signature(keys: Sequence[bytes], candidates: Sequence[str], content: bytes) -> bool:
    """Compare every candidate with every key in constant time."""
    expected = [
        f"{SIGNATURE_VERSION},{b64encode(hmac.digest(key, content, 'sha256')).decode()}".encode()
        for key in keys
    ]
    matches = [
        hmac.compare_digest(signature, candidate.encode())
        for signature in expected
        for candidate in candidates
    ]
    return any(matches)


def check_time(timestamp: str, *, tolerance: float, now: float) -> None:
    """Errors: SignatureRefused for a message of another time, so that old ones are not replayed."""
    if not (timestamp.isascii() and timestamp.isdecimal()):
        raise SignatureRefused("webhook-timestamp is not a number of seconds")
    if abs(now - int(timestamp)) > tolerance:
        raise SignatureRefused(
            f"webhook-timestamp differs from our clock by over {tolerance:.0f} s"
        )


def parse_message(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        raise SignatureRefused("the message is not JSON") from None
    if not isinstance(message, dict):
        raise SignatureRefused("the message is not a JSON object")
    return message
