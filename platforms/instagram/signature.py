"""Verifies the signature of a delivery from Meta. Meta does not sign a time.

Source: Meta, webhooks (getting started, validating payloads), read 2026-11-22. Where the pages are
silent, the rules are those of `tests/vectors/meta_webhook.json`.
"""

from collections.abc import Iterable

from platforms.base import Verdict
from platforms.secret import Secret
from platforms.signing import verify_digests

SIGNATURE_HEADER = "x-hub-signature-256"
DIGEST_PREFIX = "sha256="  # the SHA-1 header that Meta still sends is ignored


def verify_signature(header: str, body: bytes, *, secrets: Iterable[Secret]) -> Verdict:
    """Verify the header against the raw body.

    The body must be the bytes as received: Meta signs its own JSON escapes, which re-encoding the
    parsed body would not reproduce.
    """
    if not header:
        return Verdict(ok=False, reason="missing_header")
    digest = header.removeprefix(DIGEST_PREFIX)
    if digest == header or not digest:
        return Verdict(ok=False, reason="malformed_header")
    check = verify_digests(body, (digest,), secrets)
    return Verdict(ok=check.reason == "ok", reason=check.reason, secret_no=check.secret_no)
