"""Who is shut out, and when: sessions, passwords, disabled users, keys that lose their rights."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from core.errors import Conflict
from core.identity import passwords
from core.identity.api_keys import MAX_KEYS_PER_USER, create_api_key
from core.identity.users import disable_user, enable_user, find_user, replace_password
from db.identity.login_sessions import MAX_ACTIVE_SESSIONS
from local.dev_user import create_developer
from platforms.secret import Secret
from tests.app.conftest import UserCredentials

NEW_PASSWORD = "another good password"
AGE = "now() - interval '{} days'"


def is_signed_in(browser):
    return browser.get("/api/auth/me").status_code == 200


def run_with_session(container, action, *arguments):
    with container.database.transaction() as session:
        return action(session, *arguments)


def form_token(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def change_password(browser, old, new=NEW_PASSWORD):
    return browser.post("/api/auth/password", json={"oldPassword": old, "newPassword": new})


def test_my_sessions_are_listed_with_browser_and_address(sign_in, make_user, make_browser):
    alice = make_user()
    browser = sign_in(alice)
    other = make_browser()
    other.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Gecko Firefox/140.0"
    other.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    other.sign_in(alice)
    sign_in(make_user("bob@example.org"))
    newest, current = browser.get("/api/sessions").json["data"]
    assert (newest["ip"], newest["isCurrent"]) == ("203.0.113.7", False)
    assert "Firefox" in newest["userAgent"]
    assert current["isCurrent"]
    page = browser.get("/settings")
    assert "Firefox, Linux" in page.text
    assert "203.0.113.7" in page.text


def test_one_session_or_all_others_can_be_ended(sign_in, make_user):
    alice = make_user()
    browser, second, third = sign_in(alice), sign_in(alice), sign_in(alice)
    second_id = second.get("/api/sessions").json["data"]
    (second_id,) = [row["id"] for row in second_id if row["isCurrent"]]
    assert browser.delete(f"/api/sessions/{second_id}").status_code == 200
    assert [is_signed_in(each) for each in (browser, second, third)] == [True, False, True]
    assert browser.delete("/api/sessions").json["data"] == {"ended": 1}
    assert [is_signed_in(each) for each in (browser, third)] == [True, False]


def test_sessions_are_ended_on_the_page(sign_in, make_user):
    alice = make_user()
    browser, second, third = sign_in(alice), sign_in(alice), sign_in(alice)
    page = browser.get("/settings")
    path = re.search(r"/settings/sign-in/sessions/\d+/end", page.text)[0]
    token = {"csrf_token": form_token(page)}
    assert "signed out" in browser.post(path, data=token, follow_redirects=True).text
    assert [is_signed_in(second), is_signed_in(third)].count(True) == 1
    browser.post("/settings/sign-in/sessions/end-others", data=token)
    assert not is_signed_in(second)
    assert not is_signed_in(third)
    assert is_signed_in(browser)


def test_a_session_of_another_user_cannot_be_ended(sign_in, make_user):
    alice, mallory = sign_in(), sign_in(make_user("mallory@example.org"))
    session_id = alice.get("/api/sessions").json["data"][0]["id"]
    assert mallory.delete(f"/api/sessions/{session_id}").status_code == 404
    assert mallory.delete("/api/sessions").json["data"] == {"ended": 0}
    assert is_signed_in(alice)


def test_a_changed_password_ends_all_other_sessions_and_keys(sign_in, make_user, make_api_client):
    alice = make_user()
    browser, thief, program = sign_in(alice), sign_in(alice), make_api_client(alice)
    changed = change_password(browser, alice.password)
    assert changed.status_code == 200
    assert is_signed_in(browser)
    assert not is_signed_in(thief)
    assert program.get("/api/auth/me").status_code == 401
    credentials = {"email": alice.email, "password": alice.password}
    assert thief.post("/api/auth/login", json=credentials).status_code == 401
    credentials["password"] = NEW_PASSWORD
    assert thief.post("/api/auth/login", json=credentials).status_code == 200
    # The answer brings the token of the new session; that of the old one is worth nothing.
    key = {"name": "n", "scopes": ["posts:read"]}
    assert browser.post("/api/keys", json=key).status_code == 403
    browser.environ_base["HTTP_X_CSRF_TOKEN"] = changed.json["csrfToken"]
    assert browser.post("/api/keys", json=key).status_code == 201


def test_a_password_is_changed_on_the_page(sign_in, make_user):
    alice = make_user()
    browser, thief = sign_in(alice), sign_in(alice)
    form = {
        "csrf_token": form_token(browser.get("/settings")),
        "old_password": alice.password,
        "new_password": NEW_PASSWORD,
        "repeated_password": "something else",
    }
    del browser.environ_base["HTTP_X_CSRF_TOKEN"]
    assert browser.post("/settings/sign-in/password", data=form).status_code == 400
    form["repeated_password"] = NEW_PASSWORD
    wrong = browser.post("/settings/sign-in/password", data={**form, "old_password": "wrong one"})
    assert (wrong.status_code, "present password is wrong" in wrong.text) == (400, True)
    easy = {**form, "new_password": "1234567890", "repeated_password": "1234567890"}
    refused = browser.post("/settings/sign-in/password", data=easy)
    assert (refused.status_code, "guessed easily" in refused.text) == (400, True)
    page = browser.post("/settings/sign-in/password", data=form, follow_redirects=True)
    assert "Your password is changed" in page.text
    assert not is_signed_in(thief)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong password", NEW_PASSWORD, "oldPassword"),
        ("correct horse battery", "short", "newPassword"),
        ("correct horse battery", "x" * 1025, "newPassword"),
        ("correct horse battery", "Password123", "newPassword"),
        ("correct horse battery", "alice@example.org", "newPassword"),
    ],
)
def test_a_refused_change_names_the_field_and_ends_nothing(sign_in, make_user, old, new, field):
    alice = make_user()
    browser, other = sign_in(alice), sign_in(alice)
    refused = change_password(browser, old, new)
    assert refused.status_code == 400
    assert field in refused.json["error"]["details"]["fields"]
    assert is_signed_in(other)


def test_a_stolen_session_cannot_guess_the_password(signed_in_client):
    statuses = [change_password(signed_in_client, f"guess {n}").status_code for n in range(7)]
    assert statuses == [400] * 5 + [429] * 2


def test_a_program_cannot_change_the_password(make_user, make_api_client):
    alice = make_user()
    assert change_password(make_api_client(alice), alice.password).status_code == 403


def test_a_disabled_user_comes_back_without_the_old_sessions_and_keys(
    sign_in, make_user, make_api_client, container
):
    alice = make_user()
    browser, program = sign_in(alice), make_api_client(alice)
    run_with_session(container, disable_user, alice.id)
    assert not is_signed_in(browser)
    credentials = {"email": alice.email, "password": alice.password}
    assert browser.post("/api/auth/login", json=credentials).status_code == 401
    run_with_session(container, enable_user, alice.id)
    assert not is_signed_in(browser)
    assert program.get("/api/auth/me").status_code == 401
    assert is_signed_in(sign_in(alice))


def test_a_password_that_an_operator_sets_ends_sessions_and_keys(
    sign_in, make_user, make_api_client, container
):
    alice = make_user()
    browser, program = sign_in(alice), make_api_client(alice)
    replace_password(container.database, alice.id, Secret(NEW_PASSWORD))
    assert not is_signed_in(browser)
    assert program.get("/api/auth/me").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET password_hash = 'of another password'",
        "UPDATE users SET password_hash = NULL",
        "UPDATE users SET disabled_at = now(); UPDATE users SET disabled_at = NULL",
        "BEGIN; UPDATE users SET disabled_at = now(); UPDATE users SET disabled_at = NULL; COMMIT",
        "UPDATE users SET email = 'other@example.org', password_hash = password_hash || 'x'",
    ],
)
def test_what_an_operator_changes_by_sql_ends_sessions_and_keys(
    sign_in, make_user, make_api_client, run_sql, change
):
    alice = make_user()
    browser, program = sign_in(alice), make_api_client(alice)
    for statement in change.split("; "):
        run_sql(statement)
    assert not is_signed_in(browser)
    assert not is_signed_in(program)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET password_hash = password_hash, disabled_at = disabled_at",
        "UPDATE users SET locale = 'fr', is_admin = true",
    ],
)
def test_other_changes_by_sql_end_nothing(sign_in, make_user, make_api_client, run_sql, change):
    alice = make_user()
    browser, program = sign_in(alice), make_api_client(alice)
    run_sql(change)
    assert is_signed_in(browser)
    assert is_signed_in(program)


def test_a_password_that_is_hashed_anew_ends_nothing(
    sign_in, make_user, make_api_client, container, monkeypatch
):
    alice = make_user()
    browser, program = sign_in(alice), make_api_client(alice)
    newer = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", newer)
    second = sign_in(alice)
    with container.database.transaction() as session:
        assert "t=2" in session.scalar(text("SELECT password_hash FROM users"))
    assert [is_signed_in(each) for each in (browser, second, program)] == [True] * 3


def test_the_developer_stays_signed_in_when_the_stack_starts_again(
    make_browser, make_api_client, container
):
    """`signalpost up` gives the development user the same password each time."""
    first = create_developer(container.database, "a development password")
    with container.database.transaction() as session:
        user = find_user(session, first.email)
    credentials = UserCredentials(user.id, first.email, first.password)
    browser, program = make_browser().sign_in(credentials), make_api_client(credentials)
    create_developer(container.database, "a development password")
    assert [is_signed_in(browser), is_signed_in(program)] == [True, True]
    create_developer(container.database, "another development password")
    assert [is_signed_in(browser), is_signed_in(program)] == [False, False]


def test_a_session_ends_after_ninety_days_although_it_is_in_use(sign_in, container, run_sql):
    browser = sign_in()
    run_sql(f"UPDATE sessions SET created_at = {AGE.format(89)}, seen_at = {AGE.format(1)}")
    assert is_signed_in(browser)
    with container.database.transaction() as session:
        left = session.scalar(text("SELECT expires_at - now() FROM sessions"))
    assert left <= timedelta(days=1)
    run_sql(f"UPDATE sessions SET created_at = {AGE.format(91)}, expires_at = {AGE.format(-14)}")
    assert not is_signed_in(browser)


def test_further_sessions_end_the_oldest(sign_in, make_user, container):
    alice = make_user()
    first = sign_in(alice)
    with container.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO sessions (user_id, hash, seen_at, expires_at)"
                " SELECT :user, n::text, now(), now() + interval '1 h'"
                " FROM generate_series(2, :most) n"
            ),
            {"user": alice.id, "most": MAX_ACTIVE_SESSIONS},
        )
    assert is_signed_in(first)
    second = sign_in(alice)
    assert not is_signed_in(first)
    assert len(second.get("/api/sessions").json["data"]) == MAX_ACTIVE_SESSIONS


def test_a_key_loses_what_only_administrators_may_with_its_owner(
    make_user, make_api_client, run_sql
):
    root = make_user("root@example.org", is_admin=True)
    program = make_api_client(root, "admin", "workers:run", "posts:read")
    assert program.post("/api/workers/webhooks").status_code == 200
    run_sql("UPDATE users SET is_admin = false")
    assert program.post("/api/workers/webhooks").status_code == 401
    assert program.get("/api/auth/me").json["data"]["scopes"] == ["posts:read"]


def test_parallel_requests_do_not_pass_the_limit_of_keys(make_user, container):
    alice = make_user()

    def create_key(_number):
        try:
            with container.database.transaction() as session:
                create_api_key(session, alice.id, name="n", scopes=["posts:read"])
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(create_key, range(MAX_KEYS_PER_USER + 8)))
    assert created.count(True) == MAX_KEYS_PER_USER


def test_a_user_can_have_fifty_keys_and_no_more(signed_in_client, run_sql):
    key = {"name": "n", "scopes": ["posts:read"]}
    statuses = [
        signed_in_client.post("/api/keys", json=key).status_code
        for _ in range(MAX_KEYS_PER_USER + 1)
    ]
    assert statuses == [201] * MAX_KEYS_PER_USER + [409]
    refused = signed_in_client.post("/api/keys", json=key).json["error"]
    assert (refused["code"], refused["details"]) == ("limit_reached", {"most": MAX_KEYS_PER_USER})
    oldest = "(SELECT min(id) FROM api_keys)"
    run_sql(f"UPDATE api_keys SET expires_at = {AGE.format(1)} WHERE id = {oldest}")
    assert signed_in_client.post("/api/keys", json=key).status_code == 201
