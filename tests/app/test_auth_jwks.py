import hmac
import json
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from core.people.jwks import KEPT, PAUSE, Jwks
from platforms.errors import Unavailable


def a_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def published(name, key):
    found = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**found, "kid": name, "use": "sig", "alg": "RS256"}


def signed_by_hand(header, said, *, secret):
    """As a forger would: PyJWT itself refuses to."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, said)]
    signature = hmac.digest(secret, b".".join(parts), "sha256")
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


class Host:
    """A host application that publishes its keys, on a port of its own."""

    def __init__(self):
        self.body, self.status, self.asked = b"{}", 200, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_):
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def publish(self, **keys):
        listed = [published(name, key) for name, key in keys.items()]
        self.body = json.dumps({"keys": listed}).encode()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host():
    host = Host()
    yield host
    host.close()


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def jwks(host, clock):
    return Jwks(host.url, clock=lambda: clock[0])


def test_keys_are_fetched_once_and_kept(host, jwks, clock):
    host.publish(a=a_key(), b=a_key())
    for _ in range(3):
        jwks.key("a")
        jwks.key("b")
    assert host.asked == 1
    clock[0] += KEPT + 1
    jwks.key("a")
    assert host.asked == 2


def test_an_unknown_key_is_looked_for_but_not_at_everybodys_wish(host, jwks, clock):
    host.publish(a=a_key())
    jwks.key("a")
    for _ in range(5):
        with pytest.raises(jwt.InvalidTokenError):
            jwks.key("invented")
    assert host.asked == 1
    host.publish(a=a_key(), new=a_key())
    clock[0] += PAUSE + 1
    jwks.key("new")
    assert host.asked == 2


def test_a_host_that_cannot_be_asked_is_no_refusal(host, jwks):
    host.status = 404
    with pytest.raises(Unavailable):
        jwks.key("a")


def test_a_token_of_a_published_key_opens_the_house(stage, host):
    key = a_key()
    host.publish(a=key)
    app = stage.house(
        JWT_JWKS_URL=host.url,
        JWT_ISSUER="https://host.example.org",
        JWT_AUDIENCE="signalpost",
        JWT_AUTO_PROVISION="true",
        JWT_SCOPES="posts:read",
    )
    said = {
        "iss": "https://host.example.org",
        "aud": "signalpost",
        "sub": "7",
        "exp": int(time.time()) + 60,
    }

    def ask(token):
        return app.test_client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})

    good = jwt.encode(said, key, algorithm="RS256", headers={"kid": "a"})
    forged = jwt.encode(said, a_key(), algorithm="RS256", headers={"kid": "a"})
    assert ask(good).json["data"]["auth"] == "jwt"
    assert ask(forged).status_code == 401


def test_a_public_key_is_no_shared_secret(stage, host):
    """The old trick: a token signed with HS256 and the published key as the secret."""
    key = a_key()
    host.publish(a=key)
    app = stage.house(
        JWT_JWKS_URL=host.url, JWT_ISSUER="i", JWT_AUDIENCE="a", JWT_AUTO_PROVISION="true"
    )
    said = {"iss": "i", "aud": "a", "sub": "7", "exp": int(time.time()) + 60}
    forged = signed_by_hand({"alg": "HS256", "kid": "a"}, said, secret=host.body)
    headers = {"Authorization": f"Bearer {forged}"}
    assert app.test_client().get("/api/auth/me", headers=headers).status_code == 401
