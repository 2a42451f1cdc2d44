"""Passwords that are generated for a person: for three days, to be changed in that time."""

import json

import pytest
from sqlalchemy import text

EMAIL = "eve@example.org"
EXPIRE = "UPDATE users SET password_expires_at = now() WHERE email = 'eve@example.org'"


@pytest.fixture
def attempt(make_browser):
    """Signs in with this password; returns the answer, and the browser."""

    def run(password):
        browser = make_browser()
        answer = browser.post("/api/auth/login", json={"email": EMAIL, "password": password})
        return answer, browser

    return run


def add_user(run_cli):
    return json.loads(run_cli("users", "add", EMAIL, "--json").stdout)["password"]


def test_a_generated_password_ends_unless_it_is_changed(run_cli, attempt, run_sql):
    generated = add_user(run_cli)
    assert attempt(generated)[0].status_code == 200
    run_sql(EXPIRE)
    refused = attempt(generated)[0]
    assert (refused.status_code, refused.json["error"]["code"]) == (401, "invalid_login")
    other = json.loads(run_cli("users", "password", EMAIL, "--json").stdout)["password"]
    answer, browser = attempt(other)
    browser.environ_base["HTTP_X_CSRF_TOKEN"] = answer.json["csrfToken"]
    own = "an own passphrase of hers"
    changed = browser.post("/api/auth/password", json={"oldPassword": other, "newPassword": own})
    assert changed.status_code == 200, changed.text
    assert attempt(own)[0].status_code == 200
    assert attempt(other)[0].status_code == 401


def test_a_password_from_an_operator_does_not_end(run_cli, container):
    given = "a password that was agreed"
    assert run_cli("users", "add", EMAIL, "--password-stdin", stdin=f"{given}\n").returncode == 0
    with container.database.transaction() as session:
        assert session.scalar(text("SELECT password_expires_at FROM users")) is None


def test_the_command_says_until_when(run_cli):
    said = run_cli("users", "add", EMAIL).stdout
    assert said.endswith("valid for 3 days, until the person has changed it\n")
