"""Why a Redis or a RabbitMQ cannot be used, as one sentence in our own words.

The texts of the libraries are not passed on: they can contain the whole URL. Each sentence
continues the name of the store and says what to do.
"""

import socket
import ssl
from collections.abc import Iterator

import redis
from redis.sentinel import MasterNotFoundError

from core.limits.redis_connections import StoreNotServing

WRONG_CREDENTIALS_SENTENCE = (
    "refuses the user or the password of the URL: compare them with those of the server"
)
NOT_SERVING_SENTENCES = {
    "READONLY": "is a read-only replica: name the primary",
    "LOADING": "is still loading its data: wait",
    "MASTERDOWN": "is a replica that has lost its primary: name the primary, or bring it back",
    "NOREPLICAS": "refuses writes because too few replicas are connected (min-replicas-to-write)",
    "MISCONF": "refuses writes because it cannot save to its disk: look into its log",
    "OOM": "is full: its maxmemory is reached; raise it, or find what fills it",
    "UNBLOCKED": "has just become a replica",
    "CLUSTERDOWN": "is a cluster that is down; a Redis Cluster is not supported",
    "TRYAGAIN": "is a cluster in the middle of a change; a Redis Cluster is not supported",
    "BUSY": "is busy with a script of somebody else",
}
REPLY_SENTENCES = (
    ("without any password configured", "has no password, but the URL names one: remove it"),
    ("authentication required", "asks for a password, and the URL has none: add it"),
    ("no password is set", "has no password, but the URL names one: remove it"),
    ("db index is out of range", "has no database of the number in the URL"),
    ("db number is out of range", "has no database of the number in the URL"),
    ("select is not allowed in cluster mode", "is a Redis Cluster, which is not supported"),
    ("max number of clients reached", "has no connection left: raise its maxclients"),
    ("protected mode", "is in protected mode: set a password, or bind it to a private address"),
)
"""Parts of replies that have no error class of their own, in lower case."""

ERROR_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (redis.BusyLoadingError, NOT_SERVING_SENTENCES["LOADING"]),
    (redis.AuthenticationError, WRONG_CREDENTIALS_SENTENCE),
    (
        redis.exceptions.NoPermissionError,
        "knows the user and does not let it do what we need: see docs/operate/brokers.md",
    ),
    (redis.exceptions.MovedError, "is a Redis Cluster, which is not supported"),
    (
        MasterNotFoundError,
        "is not known to any Sentinel that answers: check master_name and the Sentinels",
    ),
)
CLOSED_SENTENCE = "closes the connection: check whether it expects TLS at this port"
TIMEOUT_SENTENCE = "does not answer in time: check the network, and whether it hangs"
CLIENT_CERTIFICATE_SENTENCE = (
    "asks for a certificate of ours: name it by ssl_certfile and ssl_keyfile in the URL"
)
HANDSHAKE_SENTENCES = (
    ("certificate required", CLIENT_CERTIFICATE_SENTENCE),
    (
        "handshake operation timed out",
        "does not answer to TLS: check whether it speaks TLS at this port, or hangs",
    ),
)
"""Parts of texts of Python's `ssl`, in lower case."""

NETWORK_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (
        ssl.SSLError,
        (
            "does not speak TLS at this port, refuses ours, or asks for a certificate of ours:"
            " check scheme and port, and ssl_certfile and ssl_keyfile in the URL"
        ),
    ),
    (socket.gaierror, "has a host name that cannot be resolved: check the URL and the DNS"),
    (ConnectionRefusedError, "refuses connections: check host and port, and that it runs"),
    (FileNotFoundError, "has no socket file at the path of the URL: check it, and that it runs"),
    (PermissionError, "has a socket file that we may not open: check its owner and mode"),
    (TimeoutError, TIMEOUT_SENTENCE),
    (redis.TimeoutError, TIMEOUT_SENTENCE),
    (ConnectionResetError, CLOSED_SENTENCE),
    (BrokenPipeError, CLOSED_SENTENCE),
)

CERTIFICATE_SENTENCES = (
    ("hostname mismatch", "shows a certificate of another name: use the name that it has"),
    ("ip address mismatch", "shows a certificate of another name: use the name that it has"),
    ("expired", "shows a certificate that has expired: renew it"),
    ("not yet valid", "shows a certificate that is not valid yet: compare the clocks"),
)
UNTRUSTED_SENTENCE = (
    "shows a certificate of an authority that is not trusted: "
    "name the file of the authority in {setting}"
)
LASTING_REFUSALS = (
    "refuses the user or the password",
    "asks for a password",
    "has no password",
    "does not let the user",
    "knows the user and does not let it",
    "has no vhost",
    "has no database of the number",
)
"""How the sentences begin that waiting does not change: about users, rights and names."""

AUTHORITY_SETTINGS = {"redis": "REDIS_CA_FILE or BROKER_CA_FILE", "broker": "BROKER_CA_FILE"}


def is_lasting_refusal(sentence: str) -> bool:
    """Whether only a person can change what the sentence says."""
    return sentence.startswith(LASTING_REFUSALS)


def describe_redis_fault(error: BaseException, *, store: str = "redis") -> str:
    """The sentence for an error of redis-py. `store` is `redis` or `broker`."""
    if isinstance(error, StoreNotServing):
        return NOT_SERVING_SENTENCES[error.word]
    text = str(error).lower()
    sentences = [
        *(sentence for part, sentence in REPLY_SENTENCES if part in text),
        *(sentence for kind, sentence in ERROR_SENTENCES if isinstance(error, kind)),
    ]
    if sentences:
        return sentences[0]
    if isinstance(error, redis.ResponseError):
        return f"refuses a command ({type(error).__name__}): look into its log"
    return describe_network_fault(error, store=store)


def describe_network_fault(error: BaseException, *, store: str) -> str:
    """The sentence for what happened before any reply, whichever library reports it."""
    texts = " ".join(str(cause).lower() for cause in iter_causes(error))
    for part, sentence in HANDSHAKE_SENTENCES:
        if part in texts:
            return sentence
    for cause in iter_causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return describe_certificate_fault(cause, store=store)
        for kind, sentence in NETWORK_SENTENCES:
            if isinstance(cause, kind):
                return sentence
    if "closed by server" in texts:
        return CLOSED_SENTENCE
    return f"cannot be used ({type(error).__name__}): check the URL, and that it runs"


def describe_certificate_fault(error: ssl.SSLCertVerificationError, *, store: str) -> str:
    reason = f"{error.verify_message} {error}".lower()
    for part, sentence in CERTIFICATE_SENTENCES:
        if part in reason:
            return sentence
    return UNTRUSTED_SENTENCE.format(setting=AUTHORITY_SETTINGS[store])


def iter_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, the outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
