"""HMAC-SHA256 over a delivery, as both platforms use it. Pure; which bytes are signed is theirs."""

import hmac
from collections.abc import Iterable, Mapping

from platforms.secret import Secret


def get_header(headers: Mapping[str, str], name: str) -> str:
    """The header of that lower-case name, in whatever case it came; empty if absent."""
    return next((value.strip() for key, value in headers.items() if key.lower() == name), "")


def verify_digests(signed: bytes, digests: Iterable[str], secrets: Iterable[Secret]) -> str:
    """`ok` if any digest is that of any secret; every pair is compared, in constant time."""
    secret_keys = [secret.reveal().encode() for secret in secrets if secret]
    if not secret_keys:
        return "no_secret"
    candidates = [digest.encode(errors="replace") for digest in digests]
    # not `hmac.digest`: it lets go of the interpreter each time, which a busy loop has to win back
    expected = [hmac.new(key, signed, "sha256").hexdigest().encode() for key in secret_keys]
    matches = [hmac.compare_digest(one, other) for one in candidates for other in expected]
    return "ok" if any(matches) else "bad_signature"
