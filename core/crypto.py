"""Encrypts secrets for the database and decrypts them (AES-256-GCM, with a ring of keys).

An encrypted value is bound to its table, column and row: copied elsewhere it does not decrypt.
"""

import hmac
import json
import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.encryption_keys import KEY_ID_PATTERN, decode_key
from core.errors import DecryptionFailed, Misconfigured
from db.records.destinations import destination_token_column
from platforms.hmac_state import HmacState
from platforms.secret import Secret

EncryptionContext = tuple[str, ...]
"""What a value is bound to: table, column, provider, id at the platform or of the row, user id."""

FORMAT_VERSION = "v1"
HASH = "sha256"
HASH_PURPOSE = b"ids of erased people"
IV_BYTES, TAG_BYTES = 12, 16  # bytes


def access_token_context(provider: str, open_id: str, user_id: int | None) -> EncryptionContext:
    return ("oauth_accounts", "access_token_encrypted", provider, open_id, str(user_id))


def refresh_token_context(provider: str, open_id: str, user_id: int | None) -> EncryptionContext:
    return ("oauth_accounts", "refresh_token_encrypted", provider, open_id, str(user_id))


def part_upload_url_context(
    provider: str, post_id: int, position: int, user_id: int | None
) -> EncryptionContext:
    subject = f"{post_id}:{position}"
    return ("post_parts", "upload_url_encrypted", provider, subject, str(user_id))


def destination_token_context(provider: str, external_id: str, user_id: int) -> EncryptionContext:
    """The context of the token of one destination; `external_id` is the platform's id of it."""
    return (*destination_token_column(provider), provider, external_id, str(user_id))


def endpoint_secret_context(endpoint_id: int, user_id: int) -> EncryptionContext:
    return ("endpoint_secrets", "secret_encrypted", "endpoint", str(endpoint_id), str(user_id))


class KeyRing:
    """Encrypts with its first key, decrypts with any of them."""

    def __init__(self, keys: Iterable[tuple[str, Secret]]) -> None:
        """`keys`: ids with base64 of 32 bytes each.

        Errors: Misconfigured if there is none; ValueError if one is malformed.
        """
        decoded = {key_id: decode_key(key) for key_id, key in keys}
        self._keys = {key_id: AESGCM(key) for key_id, key in decoded.items()}
        hash_keys = [hmac.digest(key, HASH_PURPOSE, HASH) for key in decoded.values()]
        self._hash_states = [HmacState(key) for key in hash_keys]
        if not self._keys:
            raise Misconfigured("TOKEN_ENCRYPTION_KEY is missing")
        self.current_key_id = next(iter(self._keys))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def encrypt(self, secret: Secret, context: EncryptionContext) -> str:
        """Errors: ValueError if the secret is empty."""
        return self._encrypt_with(secret, context, self.current_key_id)

    def decrypt(self, encrypted: str, context: EncryptionContext) -> Secret:
        """Errors: DecryptionFailed, without the reason; ValueError if the text is empty."""
        if not encrypted:
            raise ValueError("the encrypted text is empty")
        key_id, iv, tag, ciphertext = parse_encrypted(encrypted)
        try:
            plaintext = self._keys[key_id].decrypt(
                iv, ciphertext + tag, associated_data(key_id, context)
            )
            return Secret(plaintext.decode("utf-8", "surrogatepass"))
        except (KeyError, InvalidTag, UnicodeDecodeError):
            raise DecryptionFailed from None

    def hash_id(self, provider: str, platform_id: str) -> tuple[str, ...]:
        """Return a hash for each key, the current one's first.

        Who has the database and no key cannot find out the id by trying all of them.
        """
        message = f"{provider}:{platform_id}".encode("utf-8", "surrogatepass")
        return tuple([state.hex_digest(message) for state in self._hash_states])

    def key_id(self, encrypted: str) -> str:
        """Return the id of the key that a value is encrypted with. Errors: DecryptionFailed."""
        return parse_encrypted(encrypted)[0]

    def is_usable(self) -> bool:
        """Whether each key can decrypt what it has encrypted. Never raises."""
        probe, context = Secret("probe"), ("", "", "probe")
        try:
            return all(
                self.decrypt(self._encrypt_with(probe, context, key_id), context) == probe
                for key_id in self._keys
            )
        except Exception:  # noqa: BLE001 - whatever fails, the key ring cannot be used
            return False

    def _encrypt_with(self, secret: Secret, context: EncryptionContext, key_id: str) -> str:
        if not secret:
            raise ValueError("the secret to encrypt is empty")
        iv = os.urandom(IV_BYTES)
        plaintext = secret.reveal().encode("utf-8", "surrogatepass")
        encrypted = self._keys[key_id].encrypt(iv, plaintext, associated_data(key_id, context))
        fields = (iv, encrypted[-TAG_BYTES:], encrypted[:-TAG_BYTES])
        return f"{FORMAT_VERSION}.{key_id}." + ":".join(b64encode(part).decode() for part in fields)


class AbsentKeyRing(KeyRing):
    """Stands for the keys that this process's role may not hold, such as that of the monitor.

    Errors: Misconfigured at each use.
    """

    def __init__(self) -> None:
        self.current_key_id = ""

    def __repr__(self) -> str:
        return "AbsentKeyRing()"

    def hash_id(self, provider: str, platform_id: str) -> tuple[str, ...]:  # noqa: ARG002 - the signature of KeyRing
        raise absent_keys_error()

    def is_usable(self) -> bool:
        return False

    def decrypt(self, encrypted: str, context: EncryptionContext) -> Secret:  # noqa: ARG002 - as above
        raise absent_keys_error()

    def _encrypt_with(self, secret: Secret, context: EncryptionContext, key_id: str) -> str:  # noqa: ARG002 - as above
        raise absent_keys_error()


def absent_keys_error() -> Misconfigured:
    return Misconfigured("TOKEN_ENCRYPTION_KEY is not among the settings of this process's role")


def associated_data(key_id: str, context: EncryptionContext) -> bytes:
    """Encode the context as JSON, so that no two contexts have the same encoding."""
    return json.dumps([FORMAT_VERSION, key_id, *context]).encode()


def parse_encrypted(encrypted: str) -> tuple[str, bytes, bytes, bytes]:
    """Return key id, IV, tag and ciphertext. Errors: DecryptionFailed."""
    match encrypted.split("."):
        case [version, key_id, encoded] if version == FORMAT_VERSION and KEY_ID_PATTERN.fullmatch(
            key_id
        ):
            parts = [decode_canonical(part) for part in encoded.split(":")]
        case _:
            raise DecryptionFailed
    match parts:
        case [bytes(iv), bytes(tag), bytes(ciphertext)] if (
            len(iv) == IV_BYTES and len(tag) == TAG_BYTES
        ):
            return key_id, iv, tag, ciphertext
        case _:
            raise DecryptionFailed


def decode_canonical(part: str) -> bytes | None:
    """Decode base64 in its canonical form only, so that a value has exactly one text."""
    try:
        decoded = b64decode(part, validate=True)
    except (NotBase64, ValueError):
        return None
    return decoded if b64encode(decoded).decode() == part else None
