"""Tokens of a host application, signed with keys that it publishes."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import core.identity.jwks
from core.identity.jwks import KEY_CACHE_SECONDS, MIN_REFETCH_SECONDS, JwksClient
from platforms.errors import Unavailable


def make_rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(name, key):
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**jwk, "kid": name, "use": "sig", "alg": "RS256"}


def forge_token(header, claims, *, secret):
    """Sign a token as an attacker would: PyJWT itself refuses to."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = hmac.digest(secret, b".".join(parts), "sha256")
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


class JwksHost:
    """A server that publishes a host application's keys."""

    def __init__(self):
        self.body, self.status, self.request_count = b"{}", 200, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.request_count += 1
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
        listed = [public_jwk(name, key) for name, key in keys.items()]
        self.body = json.dumps({"keys": listed}).encode()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def jwks_host():
    host = JwksHost()
    yield host
    host.close()


@pytest.fixture
def jwks_clock(monkeypatch):
    """The clock of PyJWT's cache and of ours, which cannot be passed in."""
    now = [1000.0]
    for module in (core.identity.jwks, jwt.jwks_client, jwt.jwk_set_cache, jwt.api_jwk):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def jwks(jwks_host, jwks_clock):
    return JwksClient(jwks_host.url)


def test_keys_are_fetched_once_and_cached(jwks_host, jwks, jwks_clock):
    jwks_host.publish(a=make_rsa_key(), b=make_rsa_key())
    for _ in range(3):
        jwks.get_key("a")
        jwks.get_key("b")
    assert jwks_host.request_count == 1
    jwks_clock[0] += KEY_CACHE_SECONDS + 1
    jwks.get_key("a")
    assert jwks_host.request_count == 2


def test_an_unknown_key_is_fetched_but_not_on_every_request(jwks_host, jwks, jwks_clock):
    jwks_host.publish(a=make_rsa_key())
    jwks.get_key("a")
    for _ in range(5):
        with pytest.raises(jwt.InvalidTokenError):
            jwks.get_key("invented")
    assert jwks_host.request_count == 1
    jwks_host.publish(a=make_rsa_key(), new=make_rsa_key())
    jwks_clock[0] += MIN_REFETCH_SECONDS + 1
    jwks.get_key("new")
    assert jwks_host.request_count == 2


def test_an_unavailable_host_is_a_temporary_error(jwks_host, jwks):
    jwks_host.status = 404
    with pytest.raises(Unavailable):
        jwks.get_key("a")


def test_a_host_that_failed_is_not_called_on_every_request(jwks_host, jwks, jwks_clock):
    jwks_host.status = 404
    for _ in range(3):
        with pytest.raises(Unavailable):
            jwks.get_key("a")
    assert jwks_host.request_count == 1
    jwks_clock[0] += MIN_REFETCH_SECONDS + 1
    jwks_host.status = 200
    jwks_host.publish(a=make_rsa_key())
    jwks.get_key("a")
    assert jwks_host.request_count == 2


def test_known_keys_stay_valid_while_the_host_does_not_answer(jwks_host, jwks, jwks_clock):
    jwks_host.publish(a=make_rsa_key())
    jwks.get_key("a")
    jwks_host.status = 404
    jwks_clock[0] += KEY_CACHE_SECONDS + 1
    with pytest.raises(Unavailable):
        jwks.get_key("a")
    jwks.get_key("a")
    assert jwks_host.request_count == 2


def test_a_host_with_one_key_need_not_name_it(jwks_host, jwks):
    jwks_host.publish(a=make_rsa_key())
    jwks.get_key(None)


def test_a_token_of_a_published_key_is_accepted(app_factory, jwks_host):
    key = make_rsa_key()
    jwks_host.publish(a=key)
    app = app_factory.create_app(
        JWT_JWKS_URL=jwks_host.url,
        JWT_ISSUER="https://host.example.org",
        JWT_AUDIENCE="signalpost",
        JWT_AUTO_PROVISION="true",
        JWT_SCOPES="posts:read",
    )
    payload = {
        "iss": "https://host.example.org",
        "aud": "signalpost",
        "sub": "7",
        "exp": int(time.time()) + 60,
    }

    def request_me(token):
        return app.test_client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})

    good = jwt.encode(payload, key, algorithm="RS256", headers={"kid": "a"})
    forged = jwt.encode(payload, make_rsa_key(), algorithm="RS256", headers={"kid": "a"})
    assert request_me(good).json["data"]["auth"] == "jwt"
    assert request_me(forged).status_code == 401


def test_a_public_key_is_no_shared_secret(app_factory, jwks_host):
    """The key confusion attack: a token signed with HS256 and the public key as the secret."""
    key = make_rsa_key()
    jwks_host.publish(a=key)
    app = app_factory.create_app(
        JWT_JWKS_URL=jwks_host.url, JWT_ISSUER="i", JWT_AUDIENCE="a", JWT_AUTO_PROVISION="true"
    )
    payload = {"iss": "i", "aud": "a", "sub": "7", "exp": int(time.time()) + 60}
    forged = forge_token({"alg": "HS256", "kid": "a"}, payload, secret=jwks_host.body)
    headers = {"Authorization": f"Bearer {forged}"}
    assert app.test_client().get("/api/auth/me", headers=headers).status_code == 401
