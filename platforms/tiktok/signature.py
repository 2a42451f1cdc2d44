"""Judges the signature over a delivery. Pure: the caller brings the clock; nothing is parsed.

Source: TikTok, webhooks-verification, read 2026-11-22. Where the vendor is silent, the rules are
those of `tests/vectors/tiktok_webhook.json`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from platforms.base import Verdict
from platforms.secret import Secret
from platforms.signing import verify_digests

SIGNATURE_HEADER = "tiktok-signature"
MAX_TIMESTAMP_DIGITS = 20  # of a time in seconds, with room to spare


@dataclass(frozen=True)
class SignatureHeader:
    """What the header says: when it was signed, as text, and one or more digests."""

    timestamp: str
    digests: tuple[str, ...]


def parse_header(header: str) -> SignatureHeader | None:
    """`t=<seconds>,s=<hex>` taken apart; None if it is not of this form.

    Order, spaces and unknown keys carry no meaning; a second `s` is another candidate, but a
    second `t` would leave open which time was signed.
    """
    parts = [part.partition("=") for part in header.split(",")]
    times = [value.strip() for key, _, value in parts if key.strip() == "t"]
    digests = tuple(value.strip() for key, _, value in parts if key.strip() == "s")
    if len(times) != 1 or not digests or not all(digests) or not all("".join(p) for p in parts):
        return None
    timestamp = times[0]
    is_time = (
        timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MAX_TIMESTAMP_DIGITS
    )  # int() alone takes "1_0", "²"
    return SignatureHeader(timestamp, digests) if is_time else None


def verify_signature(
    header: str, body: bytes, *, secrets: Iterable[Secret], now: datetime, tolerance: timedelta
) -> Verdict:
    """The verdict over a `TikTok-Signature`. The digest is judged before the time. Never raises."""
    if not header:
        return Verdict(ok=False, reason="missing_header")
    signature = parse_header(header)
    if signature is None:
        return Verdict(ok=False, reason="malformed_header")
    signed_bytes = signature.timestamp.encode() + b"." + body
    reason = verify_digests(signed_bytes, signature.digests, secrets)
    if reason != "ok":
        return Verdict(ok=False, reason=reason)
    age = now.timestamp() - int(signature.timestamp)
    if abs(age) <= tolerance.total_seconds():
        return Verdict(ok=True, reason="ok")
    return Verdict(ok=True, reason="stale" if age > 0 else "future", is_late=True)
