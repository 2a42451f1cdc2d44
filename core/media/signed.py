"""Links to one file, for a while: what a platform may fetch without a login. Pure."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256

from core.errors import NotFound
from platforms.secret import Secret

PURPOSE = b"signalpost media link v1:"
DIGEST = sha256().digest_size


def sign(key: Secret, media_id: int, *, until: datetime) -> str:
    said = f"{media_id}.{int(until.timestamp())}".encode()
    return written(seal(key, said) + said)


def opened(key: Secret, token: str, *, now: datetime) -> int:
    """Which file. Errors: NotFound for a link that is over or not ours."""
    whole = read(token)
    said = whole[DIGEST:]
    if not hmac.compare_digest(whole[:DIGEST], seal(key, said)):
        raise NotFound("no such link")
    media_id, _, until = said.decode().partition(".")
    if now >= datetime.fromtimestamp(int(until), UTC):
        raise NotFound("this link is over")
    return int(media_id)


def read(token: str) -> bytes:
    """Only as we write it: no two texts for one link. Errors: NotFound."""
    try:
        whole = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        raise NotFound("no such link") from None
    if written(whole) != token:
        raise NotFound("no such link")
    return whole


def written(whole: bytes) -> str:
    return urlsafe_b64encode(whole).decode().rstrip("=")


def seal(key: Secret, said: bytes) -> bytes:
    return hmac.new(key.reveal().encode(), PURPOSE + said, sha256).digest()
