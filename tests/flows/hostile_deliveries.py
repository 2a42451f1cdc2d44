"""Malformed and unusual deliveries as a table: how each is sent, and the exact response to it.

Written from the vendors' pages with the standard library; it shares no code with the receiver.
"""

import gzip
import hashlib
import hmac
import json
import time

from tests.flows.raw_http import encode_chunked, format_request
from tests.flows.webhook_burst import WEBHOOK_SECRET, WEBHOOK_SECRETS
from tests.support.tiktok_webhooks import WEBHOOK_PATH, build_envelope, sign_body

DAY_SECONDS = 86_400
META_WEBHOOK_PATH = "/api/webhooks/instagram"
STORED, DUPLICATE, STORED_LATE = (200, None, 1), (200, "duplicate", 0), (200, None, 1)
INVALID_SIGNATURE, MISSING_SIGNATURE = (401, "invalid_signature", 0), (401, "missing_signature", 0)
TOO_LARGE, BAD_REQUEST = (413, "PAYLOAD_TOO_LARGE", 0), (400, None, 0)


def envelope_body(name, **fields):
    return json.dumps(
        build_envelope(publish_id=f"hostile-{name}", client_key="", **fields)
    ).encode()


def signed_request(body, *, secret=WEBHOOK_SECRET, age=0.0, **headers):
    signature = sign_body(body, secret=secret, at=time.time() - age)
    return format_request(WEBHOOK_PATH, {"TikTok-Signature": signature, **headers}, body)


def request_with_header(format_header, name="TikTok-Signature"):
    """Return a builder of requests whose header `format_header` makes of time and digest."""

    def build_request(body):
        timestamp, digest = (
            part.partition("=")[2] for part in sign_body(body, secret=WEBHOOK_SECRET).split(",")
        )
        return format_request(WEBHOOK_PATH, {name: format_header(timestamp, digest)}, body)

    return build_request


def default_header(t, s):
    return f"t={t},s={s}"


def tampered_request(body):
    return signed_request(body).replace(b"hostile-", b"hostile.")


def chunked_request(body):
    headers = {
        "TikTok-Signature": sign_body(body, secret=WEBHOOK_SECRET),
        "Transfer-Encoding": "chunked",
    }
    return format_request(WEBHOOK_PATH, headers, encode_chunked(body), length=False)


def meta_request(body, secret=WEBHOOK_SECRET, name="X-Hub-Signature-256", method="sha256"):
    digest = hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()
    return format_request(META_WEBHOOK_PATH, {name: f"{method}={digest}"}, body)


def meta_body(name, count):
    entries = [{"field": "comments", "value": {"id": f"{name}{n}"}} for n in range(count)]
    entry = {"id": "17841400000000001", "time": 1763800000, "changes": entries}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


DEEP_BODY = b'{"event":"post.publish.complete","x":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001
LONG_VALUES_BODY = (
    b'{"event":"' + b"e" * 5_000 + b'","user_openid":"' + b"u" * 5_000 + b'","content":"c"}'
)

DELIVERY_CASES = {
    "valid": (signed_request, None, STORED),
    "old secret": (lambda b: signed_request(b, secret=WEBHOOK_SECRET), None, STORED),
    "next secret": (
        lambda b: signed_request(b, secret=WEBHOOK_SECRETS.split(",")[0]),
        None,
        STORED,
    ),
    "wrong secret": (lambda b: signed_request(b, secret="wrong"), None, INVALID_SIGNATURE),
    "ten minutes old": (lambda b: signed_request(b, age=600), None, STORED_LATE),
    "three days old": (lambda b: signed_request(b, age=3 * DAY_SECONDS), None, STORED_LATE),
    "from the future": (lambda b: signed_request(b, age=-900), None, STORED_LATE),
    "a flipped bit": (tampered_request, None, INVALID_SIGNATURE),
    "unsigned": (lambda b: format_request(WEBHOOK_PATH, {}, b), None, MISSING_SIGNATURE),
    "empty": (signed_request, b"", STORED),
    "not JSON": (signed_request, b"not json", STORED),
    "bad UTF-8": (signed_request, b'{"event": "\xff\xfe"}', STORED),
    "lone surrogate": (signed_request, b'{"event":"a","content":"\\ud800"}', STORED),
    "lone surrogate in UTF-8": (signed_request, b'{"event":"a","content":"b\xed\xa0\x80"}', STORED),
    "NUL in text": (signed_request, b'{"event":"a","content":"a\\u0000b"}', STORED),
    "NUL bytes": (signed_request, b"\0\0", STORED),
    "nested too deep": (signed_request, DEEP_BODY, STORED),
    "200,000 brackets": (signed_request, b"[" * 200_000, STORED),
    "values too long": (signed_request, LONG_VALUES_BODY, STORED),
    "two megabytes": (signed_request, b"x" * 2_000_000, TOO_LARGE),
    "compressed": (
        lambda b: signed_request(b, **{"Content-Encoding": "gzip"}),
        gzip.compress(b"{}"),
        STORED,
    ),
    "content type of a form": (
        lambda b: signed_request(b, **{"Content-Type": "multipart/form-data"}),
        None,
        STORED,
    ),
    "chunked": (chunked_request, None, STORED),
    "Expect: 100-continue": (lambda b: signed_request(b, Expect="100-continue"), None, STORED),
    "HTTP/1.0": (lambda b: signed_request(b).replace(b"HTTP/1.1", b"HTTP/1.0", 1), None, STORED),
    "name in lower case": (request_with_header(default_header, "tiktok-signature"), None, STORED),
    "name in upper case": (request_with_header(default_header, "TIKTOK-SIGNATURE"), None, STORED),
    "digest first": (request_with_header(lambda t, s: f"s={s},t={t}"), None, STORED),
    "spaces between": (request_with_header(lambda t, s: f" t = {t} ,  s = {s} "), None, STORED),
    "unknown key": (request_with_header(lambda t, s: f"t={t},v=1,s={s}"), None, STORED),
    "two digests": (request_with_header(lambda t, s: f"t={t},s={'0' * 64},s={s}"), None, STORED),
    "two times": (request_with_header(lambda t, s: f"t={t},t={t},s={s}"), None, INVALID_SIGNATURE),
    "superscript digit in the time": (
        request_with_header(lambda t, s: f"t=\u00b2{t},s={s}"),
        None,
        INVALID_SIGNATURE,
    ),
    "capital digest": (
        request_with_header(lambda t, s: f"t={t},s={s.upper()}"),
        None,
        INVALID_SIGNATURE,
    ),
    "header too long": (
        request_with_header(lambda t, s: default_header(t, s * 400)),
        None,
        (431, None, 0),
    ),
    "negative length": (
        lambda b: signed_request(b).replace(b"Content-Length: ", b"Content-Length: -"),
        None,
        BAD_REQUEST,
    ),
    "another method": (
        lambda b: signed_request(b).replace(b"POST", b"PUT", 1),
        None,
        (405, None, 0),
    ),
    "unknown method": (
        lambda b: signed_request(b).replace(b"POST", b"BREW", 1),
        None,
        (405, None, 0),
    ),
    "another path": (
        lambda b: signed_request(b).replace(b"tiktok ", b"tiktok/all ", 1),
        None,
        (404, None, 0),
    ),
    "a slash at the end": (
        lambda b: signed_request(b).replace(b"tiktok ", b"tiktok/ ", 1),
        b'{"event":"slash"}',
        STORED,
    ),
    "Meta": (meta_request, meta_body("one-", 1), STORED),
    "Meta, a thousand changes": (meta_request, meta_body("many-", 1000), (200, None, 1000)),
    "Meta, wrong secret": (
        lambda b: meta_request(b, "wrong"),
        meta_body("wrong-", 1),
        INVALID_SIGNATURE,
    ),
    "Meta, SHA-1 signature": (
        lambda b: meta_request(b, name="X-Hub-Signature", method="sha1"),
        meta_body("old-", 1),
        MISSING_SIGNATURE,
    ),
    "Meta, not JSON": (meta_request, b"not json", STORED),
}
"""Name → how it is sent, its body (None: a valid envelope with an id of this case), and the
response to the first delivery: status, error code, number of rows stored."""
