"""F16 of the test plan as a table: each strange letter, and the exact answer to it.

Written from the vendors' pages, with the standard library; shares no code with what reads it.
"""

import gzip
import hashlib
import hmac
import json
import time

from tests.flows.storms import SECRET, SECRETS
from tests.flows.wire import chunked, request
from tests.tiktok_sender import ADDRESS, an_envelope, signature

DAY = 86_400
META = "/api/webhooks/instagram"
STORED, KNOWN, OUTSIDE = (200, None, 1), (200, "duplicate", 0), (200, None, 1)
UNSIGNED, MISSING = (401, "invalid_signature", 0), (401, "missing_signature", 0)
LARGE, NOT_HTTP = (413, "PAYLOAD_TOO_LARGE", 0), (400, None, 0)


def envelope(name, **fields):
    return json.dumps(an_envelope(publish_id=f"hostile-{name}", client_key="", **fields)).encode()


def signed(body, *, secret=SECRET, age=0.0, **more):
    signature_ = signature(body, secret=secret, at=time.time() - age)
    return request(ADDRESS, {"TikTok-Signature": signature_, **more}, body)


def headed(make, name="TikTok-Signature"):
    """The header as `make` writes it, given the time and the digest."""

    def message(body):
        t, s = (part.partition("=")[2] for part in signature(body, secret=SECRET).split(","))
        return request(ADDRESS, {name: make(t, s)}, body)

    return message


def plainly(t, s):
    return f"t={t},s={s}"


def bit_flipped(body):
    return signed(body).replace(b"hostile-", b"hostile.")


def piecemeal(body):
    headers = {"TikTok-Signature": signature(body, secret=SECRET), "Transfer-Encoding": "chunked"}
    return request(ADDRESS, headers, chunked(body), length=False)


def meta(body, secret=SECRET, name="X-Hub-Signature-256", method="sha256"):
    digest = hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()
    return request(META, {name: f"{method}={digest}"}, body)


def changes(name, count):
    found = [{"field": "comments", "value": {"id": f"{name}{n}"}} for n in range(count)]
    entry = {"id": "17841400000000001", "time": 1763800000, "changes": found}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


DEEP = b'{"event":"post.publish.complete","x":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001
LONG = b'{"event":"' + b"e" * 5_000 + b'","user_openid":"' + b"u" * 5_000 + b'","content":"c"}'

LETTERS = {
    "as it should be": (signed, None, STORED),
    "secret of before": (lambda b: signed(b, secret=SECRET), None, STORED),
    "secret of from now on": (lambda b: signed(b, secret=SECRETS.split(",")[0]), None, STORED),
    "wrong secret": (lambda b: signed(b, secret="wrong"), None, UNSIGNED),
    "ten minutes old": (lambda b: signed(b, age=600), None, OUTSIDE),
    "three days old": (lambda b: signed(b, age=3 * DAY), None, OUTSIDE),
    "of the future": (lambda b: signed(b, age=-900), None, OUTSIDE),
    "a flipped bit": (bit_flipped, None, UNSIGNED),
    "unsigned": (lambda b: request(ADDRESS, {}, b), None, MISSING),
    "empty": (signed, b"", STORED),
    "no JSON": (signed, b"not json", STORED),
    "bad UTF-8": (signed, b'{"event": "\xff\xfe"}', STORED),
    "half a pair": (signed, b'{"event":"a","content":"\\ud800"}', STORED),
    "half a pair in UTF-8": (signed, b'{"event":"a","content":"b\xed\xa0\x80"}', STORED),
    "NUL in text": (signed, b'{"event":"a","content":"a\\u0000b"}', STORED),
    "NUL as it is": (signed, b"\0\0", STORED),
    "nested beyond reason": (signed, DEEP, STORED),
    "brackets without end": (signed, b"[" * 200_000, STORED),
    "values too long": (signed, LONG, STORED),
    "two megabytes": (signed, b"x" * 2_000_000, LARGE),
    "compressed": (
        lambda b: signed(b, **{"Content-Encoding": "gzip"}),
        gzip.compress(b"{}"),
        STORED,
    ),
    "called a form": (lambda b: signed(b, **{"Content-Type": "multipart/form-data"}), None, STORED),
    "in pieces": (piecemeal, None, STORED),
    "asked before": (lambda b: signed(b, Expect="100-continue"), None, STORED),
    "HTTP/1.0": (lambda b: signed(b).replace(b"HTTP/1.1", b"HTTP/1.0", 1), None, STORED),
    "name in lower case": (headed(plainly, "tiktok-signature"), None, STORED),
    "name in upper case": (headed(plainly, "TIKTOK-SIGNATURE"), None, STORED),
    "digest first": (headed(lambda t, s: f"s={s},t={t}"), None, STORED),
    "blanks between": (headed(lambda t, s: f" t = {t} ,  s = {s} "), None, STORED),
    "a key more": (headed(lambda t, s: f"t={t},v=1,s={s}"), None, STORED),
    "two digests": (headed(lambda t, s: f"t={t},s={'0' * 64},s={s}"), None, STORED),
    "two times": (headed(lambda t, s: f"t={t},t={t},s={s}"), None, UNSIGNED),
    "digits of elsewhere": (headed(lambda t, s: f"t=\u00b2{t},s={s}"), None, UNSIGNED),
    "capital digest": (headed(lambda t, s: f"t={t},s={s.upper()}"), None, UNSIGNED),
    "a header too long": (headed(lambda t, s: plainly(t, s * 400)), None, (431, None, 0)),
    "a length that is none": (
        lambda b: signed(b).replace(b"Content-Length: ", b"Content-Length: -"),
        None,
        NOT_HTTP,
    ),
    "another method": (lambda b: signed(b).replace(b"POST", b"PUT", 1), None, (405, None, 0)),
    "no method": (lambda b: signed(b).replace(b"POST", b"BREW", 1), None, (405, None, 0)),
    "another path": (lambda b: signed(b).replace(b"tiktok ", b"tiktok/ ", 1), None, (404, None, 0)),
    "of Meta": (meta, changes("one-", 1), STORED),
    "of Meta, a thousand": (meta, changes("many-", 1000), (200, None, 1000)),
    "of Meta, wrong secret": (lambda b: meta(b, "wrong"), changes("wrong-", 1), UNSIGNED),
    "of Meta, the old way": (
        lambda b: meta(b, name="X-Hub-Signature", method="sha1"),
        changes("old-", 1),
        MISSING,
    ),
    "of Meta, no JSON": (meta, b"not json", STORED),
}
"""Name → how it is sent; what (None: an envelope of its own); status, code, rows of the first."""
