"""Password hashes, scopes of principals, hashes of cookies, and the form of e-mail addresses."""

from contextlib import nullcontext
from threading import Event, Semaphore, Thread

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid, ServiceUnavailable
from core.identity import passwords
from core.identity.emails import is_email
from core.identity.principals import AuthMethod, Principal, session_scopes
from core.identity.sign_in import hash_token
from core.scopes import SCOPES, USER_SCOPES
from platforms.secret import Secret


def test_only_the_right_password_matches_its_hash():
    password_hash = passwords.hash_password(Secret("correct horse"))
    assert password_hash.startswith("$argon2id$")
    assert passwords.verify_password(Secret("correct horse"), password_hash)
    assert not passwords.verify_password(Secret("correct horsf"), password_hash)


def test_the_same_password_has_a_new_hash_each_time():
    secret = Secret("correct horse")
    assert passwords.hash_password(secret) != passwords.hash_password(secret)


def test_the_dummy_hash_is_as_slow_as_others_and_matches_nothing():
    assert not passwords.is_outdated_hash(passwords.DUMMY_PASSWORD_HASH)
    assert not passwords.verify_password(Secret("correct horse"), None)


def test_a_malformed_hash_matches_nothing():
    assert not passwords.verify_password(Secret("correct horse"), "plain")


def test_a_hash_of_weaker_parameters_is_detected():
    weaker = passwords.DUMMY_PASSWORD_HASH.replace("t=3", "t=2")
    assert passwords.is_outdated_hash(weaker)


@pytest.mark.parametrize("text", ["", "short", "x" * 9, "x" * 1025])
def test_a_password_of_another_length_is_refused_and_not_quoted(text):
    with pytest.raises(Invalid) as caught:
        passwords.hash_password(Secret(text))
    assert not text or text not in str(caught.value)


def test_a_password_that_is_too_long_matches_nothing():
    longest = "x" * passwords.MAX_PASSWORD_LENGTH
    password_hash = passwords.hash_password(Secret(longest))
    assert passwords.verify_password(Secret(longest), password_hash)
    assert not passwords.verify_password(Secret(longest + "y"), password_hash)


def test_an_administrator_has_all_scopes_but_workers_run():
    assert set(SCOPES) - session_scopes(is_admin=True) == {"workers:run"}
    assert set(SCOPES) - session_scopes(is_admin=False) == {"workers:run", "admin"}


def test_a_principal_has_its_scopes_and_no_others():
    principal = Principal(7, AuthMethod.KEY, frozenset({"posts:read"}), "a@example.org", "en")
    assert principal.has_scopes(["posts:read"])
    assert not principal.has_scopes(["posts:read", "posts:write"])
    assert not principal.is_admin
    assert Principal(7, AuthMethod.SESSION, USER_SCOPES | {"admin"}, "a@example.org", "en").is_admin


@given(st.text())
def test_every_cookie_has_a_hash_that_differs_from_it(text):
    assert len(hash_token(text)) == 64
    assert hash_token(text) != text


MALFORMED_EMAILS = [
    "", "a", "@b.c", "a@", "a b@c.d", "a@b@c", "a" * 65 + "@b.c", "<script>@x", "a@b\n", "a\n@b",
    "a@" + "b" * 64, "a@b" + ".c" * 130, "a\x00@b.c", "a@b.c ", "a\ud800@b.c", "a@-b.c", "é@b.c",
]  # fmt: skip


@pytest.mark.parametrize("text", [*MALFORMED_EMAILS, None, 7, ["a@b.c"]])
def test_a_malformed_email_is_refused(text):
    assert not is_email(text)


@pytest.mark.parametrize("text", ["a@b.c", "dev@signalpost.localhost", "O'Neil+x@mail.example.org"])
def test_a_usual_email_is_accepted(text):
    assert is_email(text)


def test_half_a_surrogate_pair_is_no_password():
    with pytest.raises(Invalid, match="UTF-8"):
        passwords.hash_password(Secret("correct horse \ud800"))
    assert not passwords.verify_password(Secret("\ud800"), passwords.DUMMY_PASSWORD_HASH)


class WatchedHasher(PasswordHasher):
    """Notes how many threads hash at the same time, and holds each until it may go on."""

    def __init__(self):
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.entered, self.may_leave = Semaphore(0), Event()

    def verify(self, *arguments):
        self.entered.release()
        assert self.may_leave.wait(timeout=30)
        return super().verify(*arguments)


def start_checks(number, *, in_turn=True):
    """Check passwords in so many threads. Returns the threads and the list of their errors."""
    errors = []

    def check():
        try:
            with passwords.take_hash_turn() if in_turn else nullcontext():
                passwords.verify_password(Secret("correct horse"), None)
        except ServiceUnavailable as error:
            errors.append(error)

    threads = [Thread(target=check, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads, errors


def test_passwords_are_hashed_a_few_at_a_time_and_the_others_are_refused_for_now(monkeypatch):
    hasher = WatchedHasher()
    monkeypatch.setattr(passwords, "HASHER", hasher)
    threads, errors = start_checks(16)
    for _ in range(passwords.MAX_CONCURRENT_HASHES):
        assert hasher.entered.acquire(timeout=30)
    refused = 16 - passwords.MAX_CONCURRENT_HASHES
    while sum(thread.is_alive() for thread in threads) > passwords.MAX_CONCURRENT_HASHES:
        next(thread for thread in threads if thread.is_alive()).join(timeout=0.05)
    assert not hasher.entered.acquire(blocking=False)  # no fourth one began meanwhile
    assert len(errors) == refused
    assert {error.retry_after for error in errors} == {passwords.BUSY_RETRY_DELAY}
    hasher.may_leave.set()
    for thread in threads:
        thread.join(timeout=30)
    assert passwords.hash_password(Secret("correct horse"))  # all turns were given back


def test_without_turns_all_threads_would_hash_at_once(monkeypatch):
    """The negative control: the check above notices a missing limit."""
    hasher = WatchedHasher()
    monkeypatch.setattr(passwords, "HASHER", hasher)
    threads, _ = start_checks(8, in_turn=False)
    assert all(hasher.entered.acquire(timeout=30) for _ in threads)
    hasher.may_leave.set()
    for thread in threads:
        thread.join(timeout=30)
