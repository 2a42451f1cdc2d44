"""Signs the bodies of deliveries as Meta does, and in the ways a forger would.

Source: Meta, webhooks, validating payloads, read 2026-11-22. Whether the legacy SHA-1 header is
still sent is not confirmed.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from hashlib import sha1, sha256
from typing import Any

from platforms.sandbox.deliveries import SignFunction

SHA256_HEADER, SHA1_HEADER = "X-Hub-Signature-256", "X-Hub-Signature"
SignerFactory = Callable[..., SignFunction]
"""Takes the app's secret and `has_sha1`, returns the function that signs a body."""


def digest_body(secret: str, body: bytes, algorithm: Any = sha256) -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def sign_body(secret: str, *, has_sha1: bool) -> SignFunction:
    """Return a function that signs the bytes of a body; Meta signs no time."""

    def sign(body: bytes, _signed_at: float) -> dict[str, str]:
        headers = {SHA256_HEADER: f"sha256={digest_body(secret, body)}"}
        if has_sha1:
            headers[SHA1_HEADER] = f"sha1={digest_body(secret, body, sha1)}"
        return headers

    return sign


def sign_with_wrong_secret(_secret: str, *, has_sha1: bool) -> SignFunction:
    return sign_body("the_secret_of_another_app", has_sha1=has_sha1)


def sign_nothing(_secret: str, *, has_sha1: bool) -> SignFunction:
    del has_sha1
    return lambda _body, _signed_at: {}


def sign_with_sha1_only(secret: str, *, has_sha1: bool) -> SignFunction:
    del has_sha1
    return lambda body, _signed_at: {SHA1_HEADER: f"sha1={digest_body(secret, body, sha1)}"}


def sign_decoded_text(secret: str, *, has_sha1: bool) -> SignFunction:
    """Sign the body without its escapes, which a receiver that encodes again would accept."""
    del has_sha1

    def sign(body: bytes, _signed_at: float) -> dict[str, str]:
        text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
        return {SHA256_HEADER: f"sha256={digest_body(secret, text.encode())}"}

    return sign


def sign_without_prefix(secret: str, *, has_sha1: bool) -> SignFunction:
    del has_sha1
    return lambda body, _signed_at: {SHA256_HEADER: digest_body(secret, body)}


SIGNATURE_FORGERIES: Mapping[str, SignerFactory] = {
    "wrong_secret": sign_with_wrong_secret,
    "missing_signature": sign_nothing,
    "sha1_only": sign_with_sha1_only,
    "decoded_text": sign_decoded_text,
    "no_prefix": sign_without_prefix,
    # spoiled when they are sent: platforms/sandbox/deliveries.py
    "bad_signature": sign_body,
    "altered": sign_body,
}
