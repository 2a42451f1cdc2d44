import time

import jwt
import pytest

from db.users import Users

SECRET = "the-hosts-shared-secret-that-is-long-enough-for-sha-512-as-well-as-for-256"
HOST = {
    "JWT_SECRET": SECRET,
    "JWT_ISSUER": "https://host.example.org",
    "JWT_AUDIENCE": "signalpost",
    "JWT_SCOPES": "posts:read posts:write",
}


@pytest.fixture
def app(stage):
    return stage.house(**HOST)


@pytest.fixture
def welcoming(stage):
    return stage.house(**HOST, JWT_AUTO_PROVISION="true").test_client()


def token(*, secret=SECRET, algorithm="HS256", **claims):
    usual = {
        "iss": HOST["JWT_ISSUER"],
        "aud": HOST["JWT_AUDIENCE"],
        "exp": int(time.time()) + 60,
        "sub": "host-user-7",
    }
    said = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(said, secret, algorithm=algorithm)


def ask(client, text):
    return client.get("/api/auth/me", headers={"Authorization": f"Bearer {text}"})


@pytest.fixture
def known(a_user, house):
    """Alice, whom the host calls host-user-7."""
    alice = a_user()
    with house.database.transaction() as session:
        row = Users(session).get(alice.id)
        row.jwt_issuer, row.jwt_subject = HOST["JWT_ISSUER"], "host-user-7"
    return alice


def test_a_host_speaks_for_the_user_it_names(client, known):
    data = ask(client, token()).json["data"]
    assert (data["id"], data["auth"]) == (known.id, "jwt")
    assert data["scopes"] == ["posts:read", "posts:write"]


def test_a_hosts_id_is_never_taken_for_one_of_ours(client, known):
    assert ask(client, token(sub=str(known.id))).status_code == 401


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
def test_a_token_that_is_not_quite_right_is_nobodys(client, known, wrong):
    assert ask(client, token(**wrong)).status_code == 401


def test_an_unsigned_token_is_nobodys(client, known):
    assert ask(client, token(secret=None, algorithm="none")).status_code == 401


def test_a_stranger_of_the_host_becomes_a_user_only_if_that_is_wanted(client, welcoming):
    assert ask(client, token()).status_code == 401
    first = ask(welcoming, token(email="new@example.org")).json["data"]
    assert first["email"] == "new@example.org"
    assert ask(welcoming, token()).json["data"]["id"] == first["id"]


def test_a_host_cannot_become_somebody_by_claiming_their_mail(welcoming, a_user):
    alice = a_user()
    assert ask(welcoming, token(email=alice.email)).status_code == 401


def test_without_a_host_its_tokens_mean_nothing(stage):
    assert ask(stage.house().test_client(), token()).status_code == 401
