"""Guessing one account's password from many addresses; the owner is not kept out by it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.identity.sign_in_throttle import PAUSE_POLICY
from core.identity.users import replace_password
from platforms.secret import Secret

ADDRESSES = [f"192.0.2.{number}" for number in range(1, 25)] + [
    f"2001:db8:{number}::1" for number in range(8)
]
FREE = PAUSE_POLICY.free_attempts


@pytest.fixture
def client(app):
    """A program without cookies: each attempt begins anew."""
    return app.test_client(use_cookies=False)


def try_login(client, email, password="wrong guess", ip="192.0.2.1"):
    return client.post(
        "/api/auth/login",
        json={"email": email, "password": password},
        environ_base={"REMOTE_ADDR": ip},
    )


def statuses_of_guessing(client, email, addresses=ADDRESSES):
    return [try_login(client, email, ip=ip).status_code for ip in addresses]


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org", "BOB@example.org"])
def test_guesses_from_many_addresses_are_judged_five_times_and_then_paused(
    client, make_user, run_sql, email
):
    """The same for an account that exists, for none, and for one that is disabled."""
    make_user()
    make_user("bob@example.org")
    run_sql("UPDATE users SET disabled_at = now() WHERE email = 'bob@example.org'")
    assert statuses_of_guessing(client, email) == [401] * FREE + [429] * (len(ADDRESSES) - FREE)
    refused = try_login(client, email, ip="198.51.100.9")
    error = refused.json["error"]
    assert error["code"] == "sign_in_paused"
    assert 0 < int(refused.headers["Retry-After"]) == error["retryAfter"] <= 30


def test_other_accounts_are_not_paused(client, make_user):
    make_user()
    bob = make_user("bob@example.org")
    statuses_of_guessing(client, "alice@example.org")
    assert try_login(client, bob.email, bob.password).status_code == 200


def test_spellings_of_one_email_are_one_account(client, make_user):
    make_user()
    emails = ["alice@example.org", "Alice@example.org", "ALICE@EXAMPLE.ORG"] * 3
    assert [try_login(client, email).status_code for email in emails] == [401] * FREE + [429] * 4


def test_pauses_grow_up_to_a_quarter_of_an_hour(client, make_user, run_sql):
    make_user()
    statuses_of_guessing(client, "alice@example.org", ADDRESSES[:FREE])
    waits = []
    for ip in ADDRESSES[:8]:
        waits.append(int(try_login(client, "alice@example.org", ip=ip).headers["Retry-After"]))
        run_sql("UPDATE sign_in_failures SET paused_until = now() - interval '1 s'")
        assert try_login(client, "alice@example.org", ip=ip).status_code == 401
    expected = [30, 60, 120, 240, 480, 900, 900, 900]
    assert all(0 <= longest - wait <= 15 for wait, longest in zip(waits, expected, strict=True))


def test_an_attempt_during_a_pause_does_not_lengthen_it(client, make_user, run_sql):
    alice = make_user()
    statuses_of_guessing(client, alice.email)
    run_sql("UPDATE sign_in_failures SET paused_until = paused_until - interval '30 s'")
    assert try_login(client, alice.email, alice.password).status_code == 200


def test_a_success_and_a_day_without_attempts_both_end_the_counting(client, make_user, run_sql):
    alice = make_user()
    for _ in range(3):
        assert statuses_of_guessing(client, alice.email, ADDRESSES[: FREE - 1]) == [401] * 4
        assert try_login(client, alice.email, alice.password).status_code == 200
        run_sql("DELETE FROM sessions")  # so that no network is known
    statuses_of_guessing(client, alice.email)
    hours = PAUSE_POLICY.forgotten_after / timedelta(hours=1) + 1
    run_sql(f"UPDATE sign_in_failures SET last_at = now() - interval '{hours} h'")
    assert statuses_of_guessing(client, alice.email, ADDRESSES[:FREE]) == [401] * FREE


@pytest.mark.parametrize(
    ("known", "again"),
    [("203.0.113.7", "203.0.113.7"), ("2001:db8:aa:bb::1", "2001:db8:aa:bb:9:9:9:9")],
)
def test_the_owner_still_signs_in_where_they_did_before(client, make_user, known, again):
    alice = make_user()
    assert try_login(client, alice.email, alice.password, ip=known).status_code == 200
    assert statuses_of_guessing(client, alice.email)[-1] == 429
    assert try_login(client, alice.email, alice.password, ip="203.0.113.8").status_code == 429
    assert try_login(client, alice.email, alice.password, ip=again).status_code == 200
    # Guessing from there is limited as well.
    guesses = [try_login(client, alice.email, ip=again).status_code for _ in range(FREE + 2)]
    assert guesses == [401] * FREE + [429] * 2


def test_a_session_goes_on_while_others_guess(sign_in, client, make_user):
    alice = make_user()
    browser = sign_in(alice)
    statuses_of_guessing(client, alice.email)
    assert browser.get("/api/auth/me").status_code == 200


def test_a_new_password_of_the_operator_ends_the_pause(client, make_user, container):
    alice = make_user()
    statuses_of_guessing(client, alice.email)
    replace_password(container.database, alice.id, Secret("another good password"))
    assert try_login(client, alice.email, "another good password").status_code == 200


def test_parallel_guesses_are_counted_before_they_are_judged(app, make_user):
    alice = make_user()

    def guess(number):
        return try_login(app.test_client(), alice.email, ip=ADDRESSES[number]).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(guess, range(16)))
    assert statuses.count(401) == FREE
    assert set(statuses) <= {401, 429, 503}  # 503: too many passwords at a time


def test_no_email_is_stored_with_the_counting(client, make_user, container):
    make_user()
    try_login(client, "alice@example.org")
    try_login(client, "nobody@example.org")
    with container.database.transaction() as session:
        rows = session.execute(text("SELECT * FROM sign_in_failures")).all()
    assert len(rows) == 2
    assert "example" not in str(rows)


@pytest.mark.parametrize(
    "email", ["\x00", "a\x00@example.org", "\ud800@example.org", "", "x" * 9999]
)
def test_an_email_that_cannot_exist_is_refused_like_an_unknown_one(client, email):
    assert try_login(client, email).status_code in {400, 401}


def test_the_login_page_says_how_long_to_wait(app, client, make_user):
    make_user()
    statuses_of_guessing(client, "alice@example.org")
    client = app.test_client()
    token = client.get("/login").text.split('name="csrf_token" value="')[1].partition('"')[0]
    form = {"email": "alice@example.org", "password": "x", "csrf_token": token}
    page = client.post("/login", data=form)
    assert page.status_code == 429
    assert "Too many tries. Try again in " in page.text


def test_the_login_page_says_how_long_an_address_has_to_wait(client):
    token = client.get("/login").text.split('name="csrf_token" value="')[1].partition('"')[0]
    form = {"email": "alice@example.org", "password": "x", "csrf_token": token}
    pages = [client.post("/login", data=form) for _ in range(30)]
    refused = next(page for page in pages if page.status_code == 429)
    assert "Too many tries. Try again in " in refused.text
    assert 'value="alice@example.org"' in refused.text
