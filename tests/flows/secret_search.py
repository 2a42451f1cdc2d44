"""Searches for secrets where data end up, also as URLs, JSON, hex and base64 write them."""

import json
import os
import subprocess
from base64 import b64decode, b64encode, urlsafe_b64encode
from urllib.parse import quote, urlsplit

import psutil
import requests

from core.crypto import KeyRing, access_token_context, refresh_token_context
from local.postgres import find_binaries
from local.user_and_folders import find_unprivileged_user
from platforms.secret import Secret
from tests.flows.api_user import REQUEST_TIMEOUT

MIN_SECRET_LENGTH = 12  # characters; shorter ones are found by chance
KEY_BYTES = 32
PUBLIC_SETTINGS = {"TIKTOK_CLIENT_KEY"}
"""Settings of a local stack that are no secret."""

TOKENS = "SELECT open_id, user_id, access_token_encrypted, refresh_token_encrypted"
SELECT_TOKENS = f"{TOKENS} FROM oauth_accounts WHERE provider = 'tiktok' AND id = %s"


def encode_secret(secret):
    """Return the forms in which a secret may stand in a file."""
    raw = secret.encode()
    as_json = json.dumps(secret)[1:-1]
    texts = {secret, quote(secret, safe=""), as_json, as_json.replace("/", r"\/")}
    hexes = {raw.hex(), raw.hex().upper()}
    return {text.encode() for text in texts | hexes} | encode_within_base64(raw)


def encode_within_base64(raw):
    """Return what base64 makes of the bytes in any text: one form for each of three offsets."""
    forms = set()
    for offset in range(3):
        first, last = -(-offset * 8 // 6), (offset + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            form = encode(bytes(offset) + raw)[first:last]
            forms |= {form, quote(form, safe="").encode()}
    return forms


def encode_all(secrets):
    """Return all forms of these secrets; of a key in base64 also those of its bytes."""
    forms = set()
    for secret in filter(lambda text: len(text) >= MIN_SECRET_LENGTH, secrets):
        forms |= encode_secret(secret)
        key_bytes = decode_key(secret)
        if len(key_bytes) == KEY_BYTES:
            forms |= {key_bytes, key_bytes.hex().encode()} | encode_within_base64(key_bytes)
    return forms


def decode_key(secret):
    try:
        return b64decode(secret, validate=True)
    except ValueError:
        return b""


def find_secrets(places, secrets):
    """Return the names of the places in which one of the secrets is readable in some form.

    Shapes: `places` are pairs of a name and bytes.
    """
    forms = encode_all(secrets)
    return {name for name, data in places if any(form in data for form in forms)}


def list_secrets(stack, api_user):
    """Return what may be readable nowhere: settings, passwords, keys, the creator's tokens."""
    settings = json.loads((stack.folder / "data" / "settings.json").read_text())
    values = [value for name, value in settings.items() if name not in PUBLIC_SETTINGS]
    flower_password = settings["FLOWER_BASIC_AUTH"].partition(":")[2]
    passwords = [path.read_text() for path in (stack.folder / "data").glob("*.password")]
    cookie = api_user.browser_session.cookies.get("signalpost_session")
    known = [stack.info["password"], stack.info["api_key"], flower_password, cookie]
    tokens = read_tokens(stack, api_user, settings["TOKEN_ENCRYPTION_KEY"])
    return [*values, *passwords, *known, *tokens]


def read_tokens(stack, api_user, key):
    """Return the creator's tokens, decrypted."""
    key_ring = KeyRing([("1", Secret(key))])
    ((open_id, user_id, access, refresh),) = stack.query(SELECT_TOKENS, api_user.account_id)
    return [
        key_ring.decrypt(access, access_token_context("tiktok", open_id, user_id)).reveal(),
        key_ring.decrypt(refresh, refresh_token_context("tiktok", open_id, user_id)).reveal(),
    ]


def dump_database(stack):
    """Yield the dump that a backup would keep."""
    program = find_binaries(find_unprivileged_user()) / "pg_dump"
    url = urlsplit(stack.info["database"])
    environment = {
        "PATH": os.environ["PATH"],
        "PGHOST": url.hostname,
        "PGPORT": str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.path.strip("/"),
    }
    dumped = subprocess.run([program], env=environment, capture_output=True, check=True)
    yield "dump", dumped.stdout


def read_files(folder, name, pattern="*"):
    """Yield what is in a folder, without the zeros at the end of files that are filled later."""
    for path in sorted(folder.rglob(pattern)):
        if path.is_file():
            yield name.format(path.name), path.read_bytes().rstrip(b"\0")


def read_stores(stack):
    """Yield the files that Postgres and Redis write: the write-ahead log, the append-only file."""
    data = stack.folder / "data"
    yield from read_files(data / "postgres" / "pg_wal", "WAL")
    yield from read_files(data / "redis" / "appendonlydir", "AOF")


def read_logs(stack):
    """Yield every log but the sandbox's, which is not ours."""
    for name, data in read_files(stack.folder / "data", "log {}", "*.log"):
        if name != "log sandbox.log":
            yield name, data


def read_metrics(stack):
    settings = json.loads((stack.folder / "data" / "settings.json").read_text())
    headers = {"Authorization": f"Bearer {settings['METRICS_TOKEN']}"}
    url = f"{stack.info['web']}/metrics"
    yield "metrics", requests.get(url, headers=headers, timeout=REQUEST_TIMEOUT).content


def read_process_lists(stack):
    """Yield the arguments of every process that this one started, and what Postgres executes."""
    for process in psutil.Process().children(recursive=True):
        try:
            yield "process list", "\0".join(process.cmdline()).encode()
        except psutil.Error:  # it ended meanwhile
            continue
    for (statement,) in stack.query("SELECT query FROM pg_stat_activity WHERE query IS NOT NULL"):
        yield "process list", statement.encode()
