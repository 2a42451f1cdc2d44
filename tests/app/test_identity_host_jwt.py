"""Tokens of a host application, signed with a shared secret."""

import hmac
import json
import time
from base64 import urlsafe_b64encode

import jwt
import pytest

from core.errors import Misconfigured
from db.identity.users import Users

SECRET = "the-hosts-shared-secret-that-is-long-enough-for-sha-512-as-well-as-for-256"
HOST_SETTINGS = {
    "JWT_SECRET": SECRET,
    "JWT_ISSUER": "https://host.example.org",
    "JWT_AUDIENCE": "signalpost",
    "JWT_SCOPES": "posts:read posts:write",
}


@pytest.fixture
def app(app_factory):
    return app_factory.create_app(**HOST_SETTINGS)


@pytest.fixture
def provisioning_client(app_factory):
    return app_factory.create_app(**HOST_SETTINGS, JWT_AUTO_PROVISION="true").test_client()


def make_token(*, secret=SECRET, algorithm="HS256", **claims):
    defaults = {
        "iss": HOST_SETTINGS["JWT_ISSUER"],
        "aud": HOST_SETTINGS["JWT_AUDIENCE"],
        "exp": int(time.time()) + 60,
        "sub": "host-user-7",
    }
    payload = {name: value for name, value in (defaults | claims).items() if value is not None}
    return jwt.encode(payload, secret, algorithm=algorithm)


def get_me(client, text):
    return client.get("/api/auth/me", headers={"Authorization": f"Bearer {text}"})


@pytest.fixture
def linked_user(make_user, container):
    """Alice, known to the host application as host-user-7."""
    alice = make_user()
    with container.database.transaction() as session:
        row = Users(session).get(alice.id)
        row.jwt_issuer, row.jwt_subject = HOST_SETTINGS["JWT_ISSUER"], "host-user-7"
    return alice


def test_a_host_token_authenticates_the_user_it_names(client, linked_user):
    data = get_me(client, make_token()).json["data"]
    assert (data["id"], data["auth"]) == (linked_user.id, "jwt")
    assert data["scopes"] == ["posts:read", "posts:write"]


def test_a_subject_of_the_host_is_never_taken_for_one_of_our_ids(client, linked_user):
    assert get_me(client, make_token(sub=str(linked_user.id))).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example.org"},
        {"aud": "another"},
        {"exp": 1},
        {"exp": None},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"secret": SECRET[::-1]},
        {"algorithm": "HS512"},
    ],
)
def test_an_invalid_host_token_is_refused(client, linked_user, wrong):
    assert get_me(client, make_token(**wrong)).status_code == 401


def test_an_unsigned_token_is_refused(client, linked_user):
    assert get_me(client, make_token(secret=None, algorithm="none")).status_code == 401


def test_an_unknown_subject_becomes_a_user_only_with_auto_provisioning(client, provisioning_client):
    assert get_me(client, make_token()).status_code == 401
    first = get_me(provisioning_client, make_token(email="new@example.org")).json["data"]
    assert first["email"] == "new@example.org"
    assert get_me(provisioning_client, make_token()).json["data"]["id"] == first["id"]


def test_a_host_cannot_take_over_a_user_by_their_email(provisioning_client, make_user):
    alice = make_user()
    other = get_me(provisioning_client, make_token(email=alice.email)).json["data"]
    assert other["id"] != alice.id


def test_an_email_that_the_host_claims_stays_free_for_its_owner(
    provisioning_client, make_user, sign_in
):
    claimed = get_me(provisioning_client, make_token(email="future@example.org")).json["data"]
    future = make_user("future@example.org")
    assert future.id != claimed["id"]
    assert sign_in(future).get("/api/auth/me").json["data"]["id"] == future.id


@pytest.mark.parametrize(
    "claimed", ["<script>@x", "a@b\n", "a@" + "b" * 5000, "a\x00@b.c", "\ud800@b.c", 7, ["a@b.c"]]
)
def test_a_malformed_email_of_the_host_is_dropped(provisioning_client, claimed):
    data = get_me(provisioning_client, sign_claims(email=claimed)).json["data"]
    assert data["email"].endswith("@host.invalid")


def test_a_number_is_a_subject_too_and_the_same_one_as_its_text(provisioning_client):
    ids = {
        get_me(provisioning_client, sign_claims(sub=subject)).json["data"]["id"]
        for subject in (4711, "4711")
    }
    assert len(ids) == 1


def seconds_from_now(seconds):
    return int(time.time()) + seconds


@pytest.mark.parametrize(
    "claims",
    [
        lambda: {"iat": seconds_from_now(20)},
        lambda: {"nbf": seconds_from_now(20)},
        lambda: {"exp": seconds_from_now(-20)},
        lambda: {"exp": seconds_from_now(60) + 0.5, "iat": time.time()},
        lambda: {"exp": seconds_from_now(23 * 3600)},
        lambda: {"aud": ["another", "signalpost"]},
        lambda: {"jti": 7},
        lambda: {"nbf": 0, "extra": {"a": [1]}},
    ],
)
def test_forms_of_claims_that_the_standard_allows_are_accepted(client, linked_user, claims):
    assert get_me(client, sign_claims(**claims())).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        lambda: {"iat": seconds_from_now(120)},
        lambda: {"nbf": seconds_from_now(120)},
        lambda: {"exp": seconds_from_now(-120)},
        lambda: {"exp": seconds_from_now(25 * 3600)},
        lambda: {"exp": 10**12},
        lambda: {"exp": str(seconds_from_now(60))},
        lambda: {"exp": True},
        lambda: {"exp": float("inf")},
        lambda: {"exp": float("nan")},
        lambda: {"exp": [seconds_from_now(60)]},
        lambda: {"iat": "yesterday"},
        lambda: {"iat": float("inf")},
        lambda: {"nbf": {}},
        lambda: {"sub": True},
        lambda: {"sub": 4711.0},
        lambda: {"sub": ["host-user-7"]},
        lambda: {"sub": {"id": 7}},
        lambda: {"sub": "host-user-7\x00"},
        lambda: {"sub": "\ud800"},
        lambda: {"sub": "host-user-7\n"},
        lambda: {"sub": " "},
        lambda: {"sub": "x" * 256},
        lambda: {"aud": ["another"]},
        lambda: {"aud": {"signalpost": 1}},
        lambda: {"aud": 7},
        lambda: {"iss": [HOST_SETTINGS["JWT_ISSUER"]]},
    ],
)
def test_other_forms_of_claims_are_refused(provisioning_client, client, linked_user, claims):
    assert get_me(provisioning_client, sign_claims(**claims())).status_code == 401


def sign_claims(**claims):
    """Sign any claims, also those that PyJWT would not issue."""
    defaults = {
        "iss": HOST_SETTINGS["JWT_ISSUER"],
        "aud": HOST_SETTINGS["JWT_AUDIENCE"],
        "exp": seconds_from_now(60),
        "sub": "host-user-7",
    }
    return sign_parts({"alg": "HS256", "typ": "JWT"}, json.dumps(defaults | claims).encode())


def sign_parts(header, payload, secret=SECRET):
    parts = [encode_part(json.dumps(header).encode()), encode_part(payload)]
    signature = hmac.digest(secret.encode(), ".".join(parts).encode(), "sha256")
    return ".".join([*parts, encode_part(signature)])


def encode_part(part):
    return urlsafe_b64encode(part).rstrip(b"=").decode()


GOOD_CLAIMS = b'{"iss":"https://host.example.org","aud":"signalpost","sub":"host-user-7","exp":%d}'


def test_the_signer_of_these_tests_makes_valid_tokens(client, linked_user):
    payload = GOOD_CLAIMS % seconds_from_now(60)
    assert get_me(client, sign_parts({"alg": "HS256"}, payload)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "nOnE"},
        {"alg": "HS384"},
        {"alg": "RS256"},
        {"alg": ["HS256"]},
        {"alg": None},
        {},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        {"alg": "HS256", "kid": ["a"]},
        {"alg": "HS256", "kid": 7},
    ],
    ids=str,
)
def test_odd_headers_are_refused(client, linked_user, header):
    token = sign_parts(header, GOOD_CLAIMS % seconds_from_now(60))
    assert get_me(client, token).status_code == 401


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"exp":1' + b"0" * 5000,
    ],
    ids=lambda payload: str(payload[:8]),
)
def test_odd_payloads_are_refused(client, linked_user, payload):
    assert get_me(client, sign_parts({"alg": "HS256"}, payload)).status_code == 401


@pytest.mark.parametrize("secret", ["", SECRET[::-1], SECRET.upper(), SECRET + " "])
def test_other_secrets_sign_nothing(client, linked_user, secret):
    payload = GOOD_CLAIMS % seconds_from_now(60)
    assert get_me(client, sign_parts({"alg": "HS256"}, payload, secret)).status_code == 401


def test_the_longest_life_of_a_token_is_a_setting(app_factory, linked_user):
    client = app_factory.create_app(**HOST_SETTINGS, JWT_MAX_LIFETIME_HOURS="1").test_client()
    assert get_me(client, make_token(exp=seconds_from_now(3500))).status_code == 200
    assert get_me(client, make_token(exp=seconds_from_now(4000))).status_code == 401


def test_a_host_token_makes_no_key_sees_no_page_and_administrates_nothing(client, linked_user):
    headers = {"Authorization": f"Bearer {make_token()}"}
    key = {"name": "n", "scopes": ["posts:read"]}
    assert client.post("/api/keys", json=key, headers=headers).status_code == 403
    assert client.get("/posts", headers=headers).status_code == 403
    assert client.get("/api/admin/config", headers=headers).status_code == 403
    assert client.get("/api/sessions", headers=headers).status_code == 403


@pytest.mark.parametrize("scopes", ["admin", "posts:read workers:run", "posts:raed", "*"])
def test_scopes_of_the_host_that_no_person_has_are_refused_at_the_start(app_factory, scopes):
    with pytest.raises(Misconfigured, match="JWT_SCOPES must name scopes of people only"):
        app_factory.create_app(**HOST_SETTINGS | {"JWT_SCOPES": scopes})


def test_without_jwt_settings_host_tokens_are_refused(app_factory):
    assert get_me(app_factory.create_app().test_client(), make_token()).status_code == 401
