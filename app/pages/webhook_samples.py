"""Samples of code that verify our messages, as endpoints' pages show them.

They follow Standard Webhooks 1.0, as `core/outbox/signing.py` does; a test runs them against it.
"""

PYTHON_SAMPLE = '''\
import base64, hashlib, hmac, time


def is_genuine(secret, headers, body):
    """`secret` begins with whsec_, `body` are the bytes as they arrived."""
    sent_at = headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > 300:
        return False
    signed = b".".join([headers["webhook-id"].encode(), sent_at.encode(), body])
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return any(
        hmac.compare_digest(digest, signature.removeprefix("v1,").encode())
        for signature in headers["webhook-signature"].split()
    )
'''

NODE_SAMPLE = """\
import { createHmac, timingSafeEqual } from "node:crypto";

// `secret` begins with whsec_, `body` is a Buffer of the bytes as they arrived.
export function isGenuine(secret, headers, body) {
  const sentAt = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(sentAt)) <= 300)) return false;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${sentAt}.`), body]);
  const digest = createHmac("sha256", key).update(signed).digest();
  return headers["webhook-signature"].split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === digest.length && timingSafeEqual(given, digest);
  });
}
"""

SAMPLES = (("Python", "python", PYTHON_SAMPLE), ("Node.js", "javascript", NODE_SAMPLE))
"""Name, language for the colours, and text."""
