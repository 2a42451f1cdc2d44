"""Password hashes, scopes of principals, hashes of cookies, and the form of e-mail addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.identity import passwords
from core.identity.principals import SCOPES, USER_SCOPES, AuthMethod, Principal, session_scopes
from core.identity.users import EMAIL_PATTERN, hash_token
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


@pytest.mark.parametrize("text", ["", "a", "@b.c", "a@", "a b@c.d", "a@b@c", "a" * 65 + "@b.c"])
def test_a_malformed_email_is_refused(text):
    assert EMAIL_PATTERN.fullmatch(text) is None
