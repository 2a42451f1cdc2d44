"""Links to one file, for a while: what a platform may fetch without a login. Pure."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256

from core.errors import NotFound
from platforms.secret import Secret

SIGNATURE_PURPOSE = b"signalpost media link v1:"
DIGEST_BYTES = sha256().digest_size


def sign_media_token(key: Secret, media_id: int, *, expires_at: datetime) -> str:
    payload = f"{media_id}.{int(expires_at.timestamp())}".encode()
    return encode_token(token_signature(key, payload) + payload)


def verify_media_token(key: Secret, token: str, *, now: datetime) -> int:
    """Which file. Errors: NotFound for a link that is over or not ours."""
    decoded = decode_token(token)
    payload = decoded[DIGEST_BYTES:]
    if not hmac.compare_digest(decoded[:DIGEST_BYTES], token_signature(key, payload)):
        raise NotFound("no such link")
    media_id, _, expires_at = payload.decode().partition(".")
    if now >= datetime.fromtimestamp(int(expires_at), UTC):
        raise NotFound("this link is over")
    return int(media_id)


def decode_token(token: str) -> bytes:
    """Only as we write it: no two texts for one link. Errors: NotFound."""
    try:
        decoded = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        raise NotFound("no such link") from None
    if encode_token(decoded) != token:
        raise NotFound("no such link")
    return decoded


def encode_token(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def token_signature(key: Secret, payload: bytes) -> bytes:
    return hmac.new(key.reveal().encode(), SIGNATURE_PURPOSE + payload, sha256).digest()
