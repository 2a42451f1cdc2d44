"""`signalpost user` and `signalpost key`: shut people out, and see what they have."""

import json

import pytest
from sqlalchemy import text

from db.identity.users import Users
from tests.app.test_cli import parse_output
from tests.support.row_factory import RowFactory

NEW_PASSWORD = "another good password"


def is_signed_in(browser):
    return browser.get("/api/auth/me").status_code == 200


def audit_entries(container, action):
    with container.database.transaction() as session:
        return session.execute(
            text("SELECT actor, subject FROM audit_log WHERE action = :action"), {"action": action}
        ).all()


def test_users_are_listed_and_displayed_with_their_sessions(run_cli, make_user, sign_in):
    alice = make_user()
    make_user("root@example.org", is_admin=True)
    sign_in(alice)
    listed = parse_output(run_cli("user", "list", "--json"))["items"]
    assert [row["email"] for row in listed] == ["alice@example.org", "root@example.org"]
    assert "administrator" in run_cli("user", "list").stdout
    by_email = parse_output(run_cli("user", "show", "ALICE@example.org", "--json"))
    by_id = parse_output(run_cli("user", "show", alice.id, "--json"))
    assert by_email == by_id
    assert [row["ip"] for row in by_id["sessions"]] == ["127.0.0.1"]
    assert "127.0.0.1" in run_cli("user", "show", alice.id).stdout
    assert "hash" not in json.dumps(by_id).lower()


def test_a_user_is_disabled_and_enabled(run_cli, make_user, sign_in, make_api_client, container):
    alice = make_user()
    browser, program = sign_in(alice), make_api_client(alice)
    assert parse_output(run_cli("user", "disable", alice.email, "--json"))["isDisabled"]
    assert not is_signed_in(browser)
    assert "disabled since" in run_cli("user", "list").stdout
    assert not parse_output(run_cli("user", "enable", alice.email, "--json"))["isDisabled"]
    assert not is_signed_in(browser)
    assert not is_signed_in(program)
    assert is_signed_in(sign_in(alice))
    assert audit_entries(container, "user.disabled") == [("cli", f"user:{alice.id}")]
    assert audit_entries(container, "user.enabled") == [("cli", f"user:{alice.id}")]


def test_the_posts_of_a_disabled_user_go_out_unless_they_are_held(run_cli, make_user, container):
    alice, bob = make_user(), make_user("bob@example.org")
    factory = RowFactory(container.database, container.services.key_ring)
    posts = [factory.create_post(factory.create_account(user.id)) for user in (alice, alice, bob)]
    run_cli("user", "disable", alice.email)
    assert {factory.post(post).hold_reason for post in posts} == {None}
    disabled = parse_output(run_cli("user", "disable", alice.email, "--hold-posts", "--json"))
    assert disabled["parkedPosts"] == 2
    held = [factory.post(post).hold_reason for post in posts]
    assert held == ["user_disabled", "user_disabled", None]


def test_a_password_is_set_and_ends_sessions(run_cli, make_user, sign_in, client, container):
    alice = make_user()
    browser = sign_in(alice)
    result = run_cli("user", "password", alice.email, "--password-stdin", stdin=NEW_PASSWORD + "\n")
    assert result.returncode == 0
    assert NEW_PASSWORD not in result.stdout + result.stderr
    assert not is_signed_in(browser)
    credentials = {"email": alice.email, "password": NEW_PASSWORD}
    assert client.post("/api/auth/login", json=credentials).status_code == 200
    generated = parse_output(run_cli("user", "password", alice.id, "--json"))["password"]
    assert len(generated) >= 20
    assert len(audit_entries(container, "user.password_set")) == 2


def test_sessions_are_listed_and_ended(run_cli, make_user, sign_in):
    alice, bob = make_user(), make_user("bob@example.org")
    first, second, other = sign_in(alice), sign_in(alice), sign_in(bob)
    assert len(parse_output(run_cli("user", "sessions", alice.id, "--json"))["sessions"]) == 2
    assert is_signed_in(first)
    run_cli("user", "sessions", alice.email, "--end")
    assert [is_signed_in(each) for each in (first, second, other)] == [False, False, True]


def test_keys_are_listed_and_revoked(run_cli, make_user, make_api_client):
    alice = make_user()
    first, second = make_api_client(alice), make_api_client(alice)
    newest, oldest = parse_output(run_cli("key", "list", "--user", alice.id, "--json"))["items"]
    assert newest["id"] > oldest["id"]
    run_cli("key", "revoke", oldest["id"], "--user", alice.email)
    assert [is_signed_in(each) for each in (first, second)] == [False, True]
    revoked = parse_output(run_cli("key", "revoke", "--all", "--user", alice.email, "--json"))
    assert revoked["revoked"] == [newest["id"]]
    assert not is_signed_in(second)
    assert run_cli("key", "revoke", newest["id"], "--user", alice.email).returncode == 1
    assert run_cli("key", "revoke", "--user", alice.email).returncode == 1
    assert run_cli("key", "revoke", "--all").returncode == 1


def test_a_key_is_found_and_revoked_without_knowing_whose_it_is(
    run_cli, make_user, make_api_client
):
    alice, bob = make_user(), make_user("bob@example.org")
    clients = [make_api_client(alice), make_api_client(bob)]
    listed = parse_output(run_cli("key", "list", "--json"))["items"]
    (of_bob,) = [row["id"] for row in listed if row["userId"] == bob.id]
    assert run_cli("key", "revoke", of_bob, "--user", alice.email).returncode == 1
    assert run_cli("key", "revoke", of_bob).returncode == 0
    assert [is_signed_in(each) for each in clients] == [True, False]
    assert run_cli("key", "revoke", 999999).returncode == 1


@pytest.mark.parametrize(
    "command",
    [
        ("user", "show"),
        ("user", "disable"),
        ("user", "enable"),
        ("user", "password"),
        ("user", "sessions"),
        ("user", "erase", "--yes"),
        ("key", "list", "--user"),
        ("key", "add", "x", "--scope", "posts:read", "--user"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    "name", ["999999", "nobody@example.org", "claimed@example.org", "x", "9" * 30]
)
def test_an_unknown_user_is_refused_in_words(run_cli, container, command, name):
    with container.database.transaction() as session:
        Users(session).add("h@host.invalid", claimed_email="claimed@example.org")
    result = run_cli(*command, name)
    assert result.returncode == 1
    assert result.stderr.startswith("NOT_FOUND: no user has the ")


def test_a_key_of_a_user_who_is_no_administrator_starts_no_workers(run_cli, make_user):
    alice = make_user()
    result = run_cli("key", "add", "x", "--user", alice.email, "--scope", "workers:run")
    assert (result.returncode, "not an administrator" in result.stderr) == (1, True)


@pytest.mark.parametrize("name", ["", "\u200b", "x" * 101])
def test_a_key_without_a_name_that_can_be_read_is_refused(run_cli, make_user, name):
    result = run_cli("key", "add", name, "--user", make_user().email, "--scope", "posts:read")
    assert (result.returncode, "1 to 100 characters" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", [("key", "revoke"), ("accounts", "disconnect", "--yes")])
@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 10**30])
def test_a_number_that_no_row_can_have_is_refused_in_words(run_cli, command, number):
    result = run_cli(*command, number)
    assert result.returncode in {1, 2}
    assert "Traceback" not in result.stderr
    assert "INTERNAL" not in result.stderr.upper()
    assert result.stderr


def test_nothing_is_erased_without_a_confirmation(run_cli, make_user, sign_in):
    alice = make_user()
    browser = sign_in(alice)
    result = run_cli("user", "erase", alice.email)
    assert (result.returncode, "--yes" in result.stderr) == (1, True)
    assert is_signed_in(browser)


def test_an_operator_disconnects_an_account_of_any_user(run_cli, make_user, container):
    alice = make_user()
    factory = RowFactory(container.database, container.services.key_ring)
    account_id = factory.create_account(alice.id)
    listed = parse_output(run_cli("accounts", "list", "--user", alice.email, "--json"))["items"]
    assert [(row["id"], row["status"]) for row in listed] == [(account_id, "ACTIVE")]
    refused = run_cli("accounts", "disconnect", account_id)
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    assert run_cli("accounts", "disconnect", account_id + 1, "--yes").returncode == 1
    factory.update_account(account_id, access_token_encrypted=None, status="REVOKED")
    assert "not revoked" in run_cli("accounts", "disconnect", account_id, "--yes").stdout
    assert factory.account(account_id).status == "DISCONNECTED"
    assert run_cli("accounts", "list").stdout == "no connected accounts\n"


def test_a_user_is_erased_with_a_confirmation(run_cli, make_user, sign_in, container):
    alice = make_user()
    browser = sign_in(alice)
    factory = RowFactory(container.database, container.services.key_ring)
    account_id = factory.create_account(alice.id)
    factory.update_account(account_id, access_token_encrypted=None, status="REVOKED")
    erased = parse_output(run_cli("user", "erase", alice.email, "--yes", "--json"))
    assert (erased["id"], erased["accounts"], erased["notRevoked"]) == (alice.id, 1, 0)
    assert not is_signed_in(browser)
    assert run_cli("accounts", "list").stdout == "no connected accounts\n"
    assert run_cli("user", "show", alice.email).returncode == 1
