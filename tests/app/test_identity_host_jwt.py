"""Tokens of a host application, signed with a shared secret."""

import time

import jwt
import pytest

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
    assert get_me(provisioning_client, make_token(email=alice.email)).status_code == 401


def test_without_jwt_settings_host_tokens_are_refused(app_factory):
    assert get_me(app_factory.create_app().test_client(), make_token()).status_code == 401
