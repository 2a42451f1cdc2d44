"""Signed links to media files, so that platforms can download a file without a login."""

from datetime import UTC, datetime
from hashlib import sha256

from itsdangerous import BadData, URLSafeSerializer

from core.errors import NotFound
from platforms.secret import Secret

SIGNATURE_SALT = "signalpost media link v2"  # a signature for another purpose does not fit


def sign_media_token(key: Secret, media_id: int, *, expires_at: datetime) -> str:
    """Return the token of a link to this file. The expiry time is part of what is signed."""
    return create_serializer(key).dumps([media_id, int(expires_at.timestamp())])


def verify_media_token(key: Secret, token: str, *, now: datetime) -> int:
    """Return the id of the file. Errors: NotFound if the token is expired or not signed by us."""
    serializer = create_serializer(key)
    try:
        content = serializer.loads(token)
    except (BadData, UnicodeError):
        raise NotFound("the signature of this link is not valid") from None
    if serializer.dumps(content) != token:  # base64 can be written in several ways: accept one
        raise NotFound("the signature of this link is not valid")
    media_id, expires_at = content
    if now >= datetime.fromtimestamp(expires_at, UTC):
        raise NotFound("this link has expired")
    return int(media_id)


def create_serializer(key: Secret) -> URLSafeSerializer:
    """A serializer without an expiry check: callers pass `now`. Compares in constant time."""
    return URLSafeSerializer(
        key.reveal(),
        salt=SIGNATURE_SALT,
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
