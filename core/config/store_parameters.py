"""The parameters that BROKER_URL and REDIS_URL may have behind their `?`.

Both client libraries and RabbitMQ's own documents name the same things differently; each spelling
is accepted and means the same for every client. What only tunes a library is refused: timeouts,
pools and heartbeats are ours, because a hung broker must not hold up a request.

Source: redis-py 8.1 `parse_url` and `SSLConnection`; kombu 5.7 `parse_url`; RabbitMQ's URI query
parameters, https://www.rabbitmq.com/docs/uri-query-parameters (read 2026-11-29).
"""

import re
import ssl
from pathlib import Path
from urllib.parse import parse_qsl

TLS_PARAMETERS = {
    "ssl_ca_certs": "ca_file",
    "ca_certs": "ca_file",
    "cacertfile": "ca_file",
    "ssl_certfile": "certificate_file",
    "certfile": "certificate_file",
    "ssl_keyfile": "key_file",
    "keyfile": "key_file",
    "ssl_cert_reqs": "verification",
    "cert_reqs": "verification",
    "verify": "verification",
    "ssl_check_hostname": "name_check",
}
DATABASE_PARAMETERS = {"db": "database", "virtual_host": "database"}
PARAMETERS = {
    "redis": TLS_PARAMETERS | DATABASE_PARAMETERS,
    "socket": DATABASE_PARAMETERS,
    "sentinel": {
        "db": "database",
        "master_name": "master_name",
        "service_name": "master_name",
        "sentinel_password": "sentinel_password",
    },
    "amqp": TLS_PARAMETERS,
}
"""Kind of address → parameter → what it sets."""

VERIFICATIONS = {
    "none": "none",
    "cert_none": "none",
    "verify_none": "none",
    # For a client "optional" verifies as "required" does: a server always has a certificate.
    "optional": "required",
    "cert_optional": "required",
    "required": "required",
    "cert_required": "required",
    "verify_peer": "required",
}
FLAGS = {"true": "true", "1": "true", "yes": "true", "false": "false", "0": "false", "no": "false"}
TLS_WORDS = frozenset({"ssl", "tls", "use_ssl"})


def read_parameters(query: str, kind: str) -> dict[str, str]:
    """Return what the parameters set. Errors: ValueError for unknown and malformed ones."""
    known = PARAMETERS[kind]
    read: dict[str, str] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise ValueError(describe_unknown(name, known))
        value = parse_parameter(known[name], text)
        if read.setdefault(known[name], value) != value:
            raise ValueError(f"says twice, and differently, what {name} sets")
    if "key_file" in read and "certificate_file" not in read:
        raise ValueError("names a key of a client, and not its certificate")
    if "certificate_file" in read:
        check_client_certificate(read["certificate_file"], read.get("key_file"))
    return read


def describe_unknown(name: str, known: dict[str, str]) -> str:
    """Name the parameter, unless it may be a piece of a password."""
    if name.lower() in TLS_WORDS:
        return "has a parameter that asks for TLS: write rediss:// or amqps:// instead"
    named = f" `{name}`" if re.fullmatch(r"[a-z_]{1,32}", name) else ""
    return f"has an unknown parameter{named} behind its ?: it may have {', '.join(sorted(known))}"


def parse_parameter(meaning: str, text: str) -> str:
    match meaning:
        case "verification":
            return choose_word(VERIFICATIONS, text, "ssl_cert_reqs must be required or none")
        case "name_check":
            return choose_word(FLAGS, text, "ssl_check_hostname must be true or false")
        case "ca_file":
            check_authorities(text)
            return text
        case _:
            return text


def choose_word(words: dict[str, str], text: str, advice: str) -> str:
    if text.lower() not in words:
        raise ValueError(f"has a parameter that is malformed: {advice}")
    return words[text.lower()]


def parse_ca_file(value: str) -> str:
    """Return the path of a file of authorities. Errors: ValueError."""
    check_authorities(value)
    return value


def check_authorities(path: str) -> None:
    """Errors: ValueError unless this is a file with certificates of authorities."""
    if not Path(path).is_file():
        raise ValueError("names a file of certificate authorities that cannot be read")
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError):
        raise ValueError(
            "names a file of certificate authorities that cannot be read as PEM"
        ) from None


def check_client_certificate(path: str, key_path: str | None) -> None:
    """Errors: ValueError unless these are a certificate and its key, which has no passphrase."""
    context = ssl.create_default_context()
    try:
        context.load_cert_chain(path, key_path, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError):
        raise ValueError(
            "names a certificate of a client and its key, which cannot be read as PEM or differ"
        ) from None
