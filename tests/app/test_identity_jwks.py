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
from cryptography.hazmat.primitives.asymmetric import ec, rsa

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


def make_ec_key():
    return ec.generate_private_key(ec.SECP256R1())


def public_ec_jwk(name, key, **fields):
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return {**jwk, "kid": name, **fields}


HOST = {
    "JWT_ISSUER": "https://host.example.org",
    "JWT_AUDIENCE": "signalpost",
    "JWT_AUTO_PROVISION": "true",
    "JWT_SCOPES": "posts:read",
}
RSA_KEY, EC_KEY = make_rsa_key(), make_ec_key()


@pytest.fixture
def request_me(app_factory, jwks_host):
    """Publishes keys, signs a token with a key, and asks who it names: returns the status."""

    def request(listed, *, signed_by=RSA_KEY, algorithm="RS256", kid=None, configured="RS256"):
        jwks_host.body = json.dumps({"keys": listed}).encode()
        settings = HOST | {"JWT_JWKS_URL": jwks_host.url, "JWT_ALGORITHM": configured}
        claims = {
            "iss": HOST["JWT_ISSUER"],
            "aud": HOST["JWT_AUDIENCE"],
            "sub": 7,
            "exp": int(time.time()) + 60,
        }
        headers = {"kid": kid} if kid else {}
        token = jwt.encode(claims | {"sub": "7"}, signed_by, algorithm=algorithm, headers=headers)
        authorization = {"Authorization": f"Bearer {token}"}
        client = app_factory.create_app(**settings).test_client()
        return client.get("/api/auth/me", headers=authorization).status_code

    return request


RSA_JWK = public_jwk("rsa", RSA_KEY)
EC_JWK = public_ec_jwk("ec", EC_KEY)


def test_the_keys_of_a_mixed_set_verify_what_they_are_for(request_me):
    assert request_me([EC_JWK, RSA_JWK], kid="rsa") == 200
    assert request_me([EC_JWK, RSA_JWK], kid=None) == 200  # one of them can be meant only
    ec_token = {"signed_by": EC_KEY, "algorithm": "ES256", "configured": "ES256"}
    assert request_me([EC_JWK, RSA_JWK], kid="ec", **ec_token) == 200


@pytest.mark.parametrize(
    ("listed", "kid"),
    [
        ([EC_JWK, RSA_JWK], "ec"),
        ([public_ec_jwk("rsa", EC_KEY), public_jwk("other", make_rsa_key())], "rsa"),
        ([{**RSA_JWK, "use": "enc"}], None),
        ([{**RSA_JWK, "use": "enc"}, public_jwk("other", make_rsa_key())], "rsa"),
        ([{**RSA_JWK, "use": None, "key_ops": ["encrypt", "wrapKey"]}], None),
        ([{**RSA_JWK, "key_ops": "verify"}], None),
        ([{**RSA_JWK, "alg": "PS256"}], None),
        ([{**RSA_JWK, "alg": "RSA-OAEP"}, public_jwk("other", make_rsa_key())], None),
        ([{"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"}], "rsa"),
        ([None, "x", 7, []], None),
        ([{"kty": "RSA", "kid": "rsa", "n": "AQ", "e": 7}], "rsa"),
    ],
    ids=range(11),
)
def test_a_key_of_another_type_or_use_verifies_nothing(request_me, listed, kid):
    assert request_me(listed, kid=kid) in {401, 502, 503}  # 502, 503: no key can be used at all


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_that_names_a_key_of_another_type_is_refused(request_me, algorithm):
    signer = EC_KEY if algorithm == "ES256" else RSA_KEY
    listed = [EC_JWK, {**RSA_JWK, "kid": "ec"}]
    assert request_me([EC_JWK, RSA_JWK], signed_by=signer, algorithm=algorithm, kid="ec") == 401
    # Two keys may have one id, if they are of different types (RFC 7517, section 4.5).
    assert request_me(listed, signed_by=RSA_KEY, kid="ec") == 200


def test_the_use_of_a_key_for_signatures_may_be_said_or_not(request_me):
    plain = {name: value for name, value in RSA_JWK.items() if name not in {"use", "alg"}}
    assert request_me([plain]) == 200
    assert request_me([{**plain, "key_ops": ["verify"]}]) == 200
