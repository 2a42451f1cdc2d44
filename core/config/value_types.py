"""Types of settings of our own stores and keys, beside the general ones of `setting_types`.

The rules of errors are those of `platforms.setting_types`.
"""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import PlainValidator

from core.config.broker_urls import parse_broker_url, parse_redis_url
from core.config.media_bucket import parse_bucket_url
from core.config.store_parameters import parse_ca_file
from core.encryption_keys import KEY_ID_PATTERN, decode_key
from platforms.secret import Secret
from platforms.setting_types import (
    from_text,
    parse_positive_int,
    parse_web_url,
    parse_words,
    split_url,
)

HOST_NAME_PATTERN = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]")
PREFIX_PATTERN = re.compile(r"(/[A-Za-z0-9_-]+)*")
MAX_PORT = 65_535
SINGLE_KEY_ID = "1"  # id of TOKEN_ENCRYPTION_KEY, also when it moves into TOKEN_ENCRYPTION_KEYS


def parse_public_url(value: str) -> str:
    """Check our own URL. Its path, if it has one, is a prefix that every client writes alike."""
    parts = urlsplit(parse_web_url(value))
    if not PREFIX_PATTERN.fullmatch(parts.path):
        raise ValueError("must have no path, or one of A-Z, a-z, 0-9, _ and - such as /signalpost")
    return parts._replace(netloc=parts.netloc.lower()).geturl()  # platforms compare it as text


def parse_host_names(value: str) -> tuple[str, ...]:
    """Parse host names without ports; `.example.org` stands for every name below it."""
    names = parse_words(value)
    if not all(HOST_NAME_PATTERN.fullmatch(name) for name in names):
        raise ValueError("must be host names without ports, such as post.example.org,web")
    return tuple(name.lower() for name in names)


def parse_port(value: str) -> int:
    port = parse_positive_int(value)
    if port > MAX_PORT:
        raise ValueError(f"must be a port, 1 to {MAX_PORT}")
    return port


def parse_media_url(value: str) -> str:
    url = split_url(value)
    if url.scheme == "s3" and not url.query and not url.fragment:
        parse_bucket_url(url.netloc, url.path)
        return value
    if url.scheme != "file" or url.netloc or not url.path.startswith("/"):
        raise ValueError("must be file:///an/absolute/directory or s3://bucket/prefix")
    return value


def parse_absolute_folder(value: str) -> Path:
    folder = Path(value)
    if not folder.is_absolute():
        raise ValueError("must be /an/absolute/directory")
    return folder


def parse_absolute_file(value: str) -> Path:
    file = Path(value)
    if not file.is_absolute():
        raise ValueError("must be /the/absolute/path of a file")
    return file


def parse_encryption_key(value: str) -> tuple[str, Secret]:
    """Check one key and give it the id of a single key. Errors: ValueError."""
    decode_key(Secret(value))
    return SINGLE_KEY_ID, Secret(value)


def parse_encryption_keys(value: str) -> tuple[tuple[str, Secret], ...]:
    """Parse `id:base64,id:base64`; the first key is the current one."""
    keys = tuple(parse_encryption_key_entry(word) for word in value.split(",") if word.strip())
    if len({key_id for key_id, _ in keys}) != len(keys):
        raise ValueError("names an id twice")
    if len({key.reveal() for _, key in keys}) != len(keys):
        raise ValueError("has the same key under two ids: make a new one with `signalpost keygen`")
    return keys


def parse_encryption_key_entry(word: str) -> tuple[str, Secret]:
    key_id, _, key = word.strip().partition(":")
    if not KEY_ID_PATTERN.fullmatch(key_id):
        raise ValueError("must be id:base64,id:base64 with ids of A-Z, a-z, 0-9, _ and -")
    decode_key(Secret(key))
    return key_id, Secret(key)


PublicUrl = Annotated[str, from_text(parse_public_url)]
HostNames = Annotated[tuple[str, ...], from_text(parse_host_names)]
BrokerUrl = Annotated[str, from_text(parse_broker_url)]
RedisUrl = Annotated[str, from_text(parse_redis_url)]
CaFile = Annotated[str, from_text(parse_ca_file)]
PortNumber = Annotated[int, from_text(parse_port)]
MediaUrl = Annotated[str, from_text(parse_media_url)]
AbsoluteFile = Annotated[Path, from_text(parse_absolute_file)]
AbsoluteFolder = Annotated[Path, from_text(parse_absolute_folder)]
EncryptionKeys = tuple[tuple[str, Secret], ...]
"""Key ids with base64 of 32 bytes each, the current key first."""
EncryptionKey = Annotated[tuple[str, Secret], PlainValidator(parse_encryption_key)]
EncryptionKeyList = Annotated[EncryptionKeys, PlainValidator(parse_encryption_keys)]
