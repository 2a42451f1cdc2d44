"""Verifies and decodes the `signed_request` of Meta's callbacks about a person.

It has the form `<base64 of HMAC-SHA256>.<base64 of JSON>`; the HMAC covers the payload as text.

Source: Meta, data-deletion callback, read 2026-11-22. Where the page is silent, the rules are those
of `tests/vectors/meta_signed_request.json`. No time is checked: none is documented, and the
callbacks may be repeated.
"""

import base64
import hmac
import json
import re
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platforms.json_body import make_storable
from platforms.secret import Secret
from platforms.vendor_values import read_id

ALGORITHM = "HMAC-SHA256"
DIGEST_SIZE = 32  # bytes
BASE64_TEXT = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")  # either alphabet, padding optional
MAX_PARAMETER_LENGTH = 16_384  # characters; a real one has a few hundred


@dataclass(frozen=True)
class SignedRequest:
    """The result of checking a `signed_request`.

    `reason`: ok | missing_parameter | no_secret | malformed | bad_signature | malformed_payload |
    bad_algorithm. `user_id` is None if the payload names nobody.
    """

    ok: bool
    reason: str
    user_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may contain a token


def parse_signed_request(parameter: str | None, secrets: Iterable[Secret]) -> SignedRequest:
    """Check the parameter, as decoded from the form, with any of the secrets; never raises."""
    keys = [secret.reveal().encode() for secret in secrets if secret]
    reason = check_signature(parameter or "", keys)
    if reason != "ok":
        return SignedRequest(ok=False, reason=reason)
    payload = decode_payload((parameter or "").partition(".")[2])
    if payload is None:
        return SignedRequest(ok=False, reason="malformed_payload")
    if payload.get("algorithm") != ALGORITHM:
        return SignedRequest(ok=False, reason="bad_algorithm")
    user_id = read_id(payload.get("user_id"))
    return SignedRequest(ok=True, reason="ok", user_id=user_id, payload=payload)


def check_signature(parameter: str, keys: Sequence[bytes]) -> str:
    """Return `ok` if any key made the signature, else the reason. Every key is compared."""
    if not parameter:
        return "missing_parameter"
    if not keys:
        return "no_secret"
    signature_text, _, payload_text = parameter.partition(".")
    signature, payload = decode_base64(signature_text), decode_base64(payload_text)
    is_too_long = len(parameter) > MAX_PARAMETER_LENGTH
    if signature is None or payload is None or len(signature) != DIGEST_SIZE or is_too_long:
        return "malformed"
    expected = [hmac.new(key, payload_text.encode(), "sha256").digest() for key in keys]
    matches = [hmac.compare_digest(signature, digest) for digest in expected]
    return "ok" if any(matches) else "bad_signature"


def decode_base64(text: str) -> bytes | None:
    if not BASE64_TEXT.fullmatch(text):
        return None
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4))
    except Base64Error:
        return None


def decode_payload(text: str) -> dict[str, Any] | None:
    """Return the JSON object; None if it is none, or not UTF-8."""
    try:
        value = json.loads((decode_base64(text) or b"").decode())
        return make_storable(value) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None
