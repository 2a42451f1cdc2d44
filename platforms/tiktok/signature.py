"""Verifies the `TikTok-Signature` of a delivery: digest first, then the signed time.

Source: TikTok, webhooks-verification, read 2026-11-22. Where the page is silent, the rules are
those of `tests/vectors/tiktok_webhook.json`.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from platforms.base import Verdict
from platforms.secret import Secret
from platforms.signing import verify_digests

SIGNATURE_HEADER = "tiktok-signature"
MAX_TIMESTAMP_DIGITS = 20  # a time in seconds has 10
USUAL_HEADER_PATTERN = re.compile(r"t=([0-9]{1,20}),s=([0-9a-f]{64})")
MAX_SIGNED_SECONDS = 253_402_300_799  # the end of the year 9999; a later time is not stored


class SignatureHeader(NamedTuple):
    """The parsed header: the signed time, as text, and one or more digests."""

    timestamp: str
    digests: tuple[str, ...]


def parse_header(header: str) -> SignatureHeader | None:
    """Parse `t=<seconds>,s=<hex>`; None if the header does not have this form.

    Order, spaces and unknown keys are ignored. A second `s` is another candidate digest; a second
    `t` is refused, since it would be ambiguous which time was signed.
    """
    if usual := USUAL_HEADER_PATTERN.fullmatch(header):
        return SignatureHeader(usual[1], (usual[2],))
    items = header.split(",")
    pairs = [item.partition("=") for item in items]
    times = [value.strip() for key, _, value in pairs if key.strip() == "t"]
    digests = tuple(value.strip() for key, _, value in pairs if key.strip() == "s")
    if len(times) != 1 or not digests or not all(digests) or not all(items):
        return None
    return SignatureHeader(times[0], digests) if is_timestamp(times[0]) else None


def is_timestamp(text: str) -> bool:
    """Return whether the text is a number of seconds; int() alone accepts "1_0" and "²"."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_TIMESTAMP_DIGITS


def verify_signature(
    header: str, body: bytes, *, secrets: Iterable[Secret], now: datetime, tolerance: timedelta
) -> Verdict:
    """Verify the header against the raw body; never raises.

    The digest is checked before the time, so that only a correctly signed delivery can be late.
    """
    if not header:
        return Verdict(ok=False, reason="missing_header")
    signature = parse_header(header)
    if signature is None:
        return Verdict(ok=False, reason="malformed_header")
    signed_bytes = signature.timestamp.encode() + b"." + body
    check = verify_digests(signed_bytes, signature.digests, secrets)
    if check.reason != "ok":
        return Verdict(ok=False, reason=check.reason)
    signed_seconds = int(signature.timestamp)
    age = now.timestamp() - signed_seconds
    is_late = abs(age) > tolerance.total_seconds()
    return Verdict(
        ok=True,
        reason=("stale" if age > 0 else "future") if is_late else "ok",
        is_late=is_late,
        secret_no=check.secret_no,
        signed_seconds=signed_seconds if signed_seconds <= MAX_SIGNED_SECONDS else None,
    )
